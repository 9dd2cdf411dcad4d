/** The simulated water works "WTP-1": water, sensors, PLC, and the two protocols it speaks. */
@NullMarked
package io.penstock.demo.plant;

import org.jspecify.annotations.NullMarked;
