@NullMarked
package io.penstock.connector.opcua;

import org.jspecify.annotations.NullMarked;
