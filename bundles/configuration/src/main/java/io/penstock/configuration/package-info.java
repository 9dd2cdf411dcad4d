/** Configuration files on their way to the components. */
@NullMarked
package io.penstock.configuration;

import org.jspecify.annotations.NullMarked;
