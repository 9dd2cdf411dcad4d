// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

/**
 * What a site asks of the certificates of its OPC UA peers.
 *
 * @param peer who is judged.
 * @param minimumRsaBits shortest RSA key anywhere in a chain, {@value #LEAST_RSA_BITS} to {@value #MOST_RSA_BITS}.
 * @param revocationListsRequired whether each authority of a chain needs a current revocation list. Where false, one that is
 *     missing or has expired is tolerated; one that is there counts, and one that cannot be used is never passed over.
 */
public record CertificatePolicy(Peer peer, int minimumRsaBits, boolean revocationListsRequired) {
    /** Of the security policies this product offers (Part 7: Basic256Sha256 and both Sha256 successors). */
    public static final int LEAST_RSA_BITS = 2048;

    public static final int MOST_RSA_BITS = 4096;

    /** Setting of {@link #revocationListsRequired}. */
    public static final String REQUIRED = "required";

    public static final String TOLERATED = "tolerated";

    /** Which side the peer is on. */
    public enum Peer {
        CLIENT("client", "1.3.6.1.5.5.7.3.2", "clientAuth"),
        SERVER("server", "1.3.6.1.5.5.7.3.1", "serverAuth");

        final String word;
        final String purpose;
        final String purposeName;

        Peer(String word, String purpose, String purposeName) {
            this.word = word;
            this.purpose = purpose;
            this.purposeName = purposeName;
        }
    }

    public CertificatePolicy {
        if (minimumRsaBits < LEAST_RSA_BITS || minimumRsaBits > MOST_RSA_BITS) {
            throw new IllegalArgumentException("minimumRsaBits: " + LEAST_RSA_BITS + " to " + MOST_RSA_BITS
                    + ", which the security policies allow, was " + minimumRsaBits);
        }
    }

    /**
     * Of two settings.
     *
     * @throws IllegalArgumentException naming key, value and limit.
     */
    public static CertificatePolicy of(Peer peer, int minimumRsaBits, String revocationLists) {
        if (!revocationLists.equals(REQUIRED) && !revocationLists.equals(TOLERATED)) {
            throw new IllegalArgumentException("revocationLists: " + REQUIRED + " or " + TOLERATED
                    + " (that they are missing), was '" + revocationLists + "'");
        }
        return new CertificatePolicy(peer, minimumRsaBits, revocationLists.equals(REQUIRED));
    }
}
