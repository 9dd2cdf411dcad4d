// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

/** Makes one line of what a library says. */
final class Text {
    private static final int LIMIT = 600;

    private Text() {}

    /** The message without ONNX Runtime's prefix, control characters and excess; it may quote a hostile model. */
    static String of(Throwable error) {
        String message = error.getMessage();
        if (message == null) {
            return error.getClass().getSimpleName();
        }
        return line(message.replaceFirst("^Error code - \\w+ - message: ", ""));
    }

    /** One line of bounded length, whatever names a hostile graph brings. */
    static String line(String text) {
        String line = text.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
        return line.length() <= LIMIT ? line : line.substring(0, LIMIT) + " …";
    }
}
