/** The demo's model: trained on simulated plant history, with the gateway's own operators, into the files of a model bundle. */
@NullMarked
package io.penstock.examples.coagulant;

import org.jspecify.annotations.NullMarked;
