// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.UUID;
import org.junit.jupiter.api.Test;

class PinTest {
    // An update in the running gateway would map a second ONNX Runtime, or fail with an UnsatisfiedLinkError.
    @Test
    void secondClassLoaderOfOneFrameworkIsToldWhoHoldsTheLibrary() {
        String framework = UUID.randomUUID().toString();
        assertEquals("first", Pin.claim(framework, "first"));
        assertEquals("first", Pin.claim(framework, "first"), "stop and start of the same revision");
        assertEquals("first", Pin.claim(framework, "second"));
        assertEquals("second", Pin.claim(UUID.randomUUID().toString(), "second"), "another framework");
    }
}
