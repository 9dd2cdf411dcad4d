/** The conductor: acquires frames, runs the stages in order, swaps models between cycles. */
@NullMarked
package io.penstock.pipeline;

import org.jspecify.annotations.NullMarked;
