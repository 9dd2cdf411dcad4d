/** The demo: the shipped gateway against a simulated water works. */
@NullMarked
package io.penstock.tools.demo;

import org.jspecify.annotations.NullMarked;
