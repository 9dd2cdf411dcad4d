@NullMarked
package io.penstock.access;

import org.jspecify.annotations.NullMarked;
