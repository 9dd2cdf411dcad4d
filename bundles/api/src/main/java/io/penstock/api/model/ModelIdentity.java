// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.api.model;

/**
 * Which model this is. Immutable.
 *
 * @param name the model's name, e.g. {@code coagulant-dose}.
 * @param version version as in OSGi: {@code 1.1.0}.
 * @param sequence number that only grows from release to release of this name.
 * @param sha256 lower-case hex digest of the model bundle file.
 * @param signer subject of the signer's certificate.
 */
public record ModelIdentity(String name, String version, long sequence, String sha256, String signer) {
    /** Name and version for people: {@code coagulant-dose 1.1.0}. */
    public String label() {
        return name + " " + version;
    }
}
