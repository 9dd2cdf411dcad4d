/** Benchmarks: each names what it is compared with, and {@link io.penstock.benchmarks.Ratios} prints the ratio. */
@NullMarked
package io.penstock.benchmarks;

import org.jspecify.annotations.NullMarked;
