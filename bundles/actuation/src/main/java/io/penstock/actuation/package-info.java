/** Decides whether a prediction may move anything, writes it and reads it back. */
@NullMarked
package io.penstock.actuation;

import org.jspecify.annotations.NullMarked;
