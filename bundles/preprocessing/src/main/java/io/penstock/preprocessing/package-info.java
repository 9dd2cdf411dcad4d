/** The operators: stateful, causal, deterministic. {@link io.penstock.preprocessing.FeatureEngines} is the way in. */
@NullMarked
package io.penstock.preprocessing;

import org.jspecify.annotations.NullMarked;
