/** The append-only, hash-chained record of who did what. */
@NullMarked
package io.penstock.audit;

import org.jspecify.annotations.NullMarked;
