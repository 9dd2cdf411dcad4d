@NullMarked
package io.penstock.publication.opcua;

import org.jspecify.annotations.NullMarked;
