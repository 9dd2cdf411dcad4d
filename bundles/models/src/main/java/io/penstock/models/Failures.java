// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import java.io.IOException;
import java.nio.file.FileSystemException;

/** Words for what went wrong. */
final class Failures {
    private Failures() {}

    static String message(Exception e) {
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    /** Of file system errors some have a path for a message and the fault in their name. */
    static String reason(IOException e) {
        return e instanceof FileSystemException || e.getMessage() == null ? e.toString() : e.getMessage();
    }

    /** Whether a file or the disk was the reason, somewhere below. */
    static boolean ofTheDisk(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof IOException) {
                return true;
            }
        }
        return false;
    }

    /** What fails because the room is being stopped is nobody's fault and leaves no receipt. */
    static void checkStop() throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }
}
