// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What {@link CertificateJudge} found about one peer. Immutable.
 *
 * @param chain from the peer's own certificate to the root, as far as it was found; empty where not even that could be read.
 * @param authority the authority by which it is trusted; null where it is trusted by itself, or not at all.
 * @param problems why it is refused, gravest first in the order of OPC UA Part 4 §6.1.3; empty where it is accepted.
 */
public record CertificateVerdict(
        List<X509Certificate> chain, @Nullable X509Certificate authority, List<Problem> problems) {
    public CertificateVerdict {
        chain = List.copyOf(chain);
        problems = List.copyOf(problems);
    }

    /** Result codes of OPC UA Part 4 §6.1.3, in the order in which they are told. */
    public enum Code {
        INVALID("Bad_CertificateInvalid", 0x8012_0000L),
        UNTRUSTED("Bad_CertificateUntrusted", 0x801A_0000L),
        CHAIN_INCOMPLETE("Bad_CertificateChainIncomplete", 0x810D_0000L),
        REVOKED("Bad_CertificateRevoked", 0x801D_0000L),
        ISSUER_REVOKED("Bad_CertificateIssuerRevoked", 0x801E_0000L),
        POLICY_CHECK_FAILED("Bad_CertificatePolicyCheckFailed", 0x8114_0000L),
        TIME_INVALID("Bad_CertificateTimeInvalid", 0x8014_0000L),
        ISSUER_TIME_INVALID("Bad_CertificateIssuerTimeInvalid", 0x8015_0000L),
        URI_INVALID("Bad_CertificateUriInvalid", 0x8017_0000L),
        USE_NOT_ALLOWED("Bad_CertificateUseNotAllowed", 0x8018_0000L),
        ISSUER_USE_NOT_ALLOWED("Bad_CertificateIssuerUseNotAllowed", 0x8019_0000L),
        REVOCATION_UNKNOWN("Bad_CertificateRevocationUnknown", 0x801B_0000L),
        ISSUER_REVOCATION_UNKNOWN("Bad_CertificateIssuerRevocationUnknown", 0x801C_0000L);

        private static final Set<Code> OF_TIME =
                EnumSet.of(TIME_INVALID, ISSUER_TIME_INVALID, REVOCATION_UNKNOWN, ISSUER_REVOCATION_UNKNOWN);

        private final String label;
        private final long status;

        Code(String label, long status) {
            this.label = label;
            this.status = status;
        }

        /** The name in the standard. */
        public String label() {
            return label;
        }

        /** The number in the standard. */
        public long status() {
            return status;
        }
    }

    /**
     * One reason to refuse.
     *
     * @param words what is wrong, with value and limit.
     * @param nextStep what a person does about it.
     */
    public record Problem(Code code, String words, String nextStep) {
        @Override
        public String toString() {
            return words + "; " + nextStep;
        }
    }

    public boolean accepted() {
        return problems.isEmpty();
    }

    /** The gravest problem. @throws IllegalStateException where there is none. */
    public Problem problem() {
        if (problems.isEmpty()) {
            throw new IllegalStateException("accepted");
        }
        return problems.get(0);
    }

    /**
     * Whether a session that is open must end. One does not end because a date has passed or a list is missing, which would
     * throw out an operator in the middle of a shift; the peer is refused when it comes next.
     */
    public boolean endsSessions() {
        return problems.stream().anyMatch(problem -> !Code.OF_TIME.contains(problem.code()));
    }

    /** All problems, each with its next step. */
    public String text() {
        return problems.stream().map(Problem::toString).collect(Collectors.joining(". Also: "));
    }
}
