/** Releases: verified, staged, probed, activated, rolled back. Public types serve the command line; nothing is exported. */
@NullMarked
package io.penstock.models;

import org.jspecify.annotations.NullMarked;
