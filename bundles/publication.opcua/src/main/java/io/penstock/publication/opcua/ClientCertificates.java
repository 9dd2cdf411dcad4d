// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.opcua.stack.CertificateJudge;
import io.penstock.opcua.stack.CertificateNames;
import io.penstock.opcua.stack.CertificateVerdict;
import io.penstock.opcua.stack.CertificateVerdict.Code;
import io.penstock.opcua.stack.Trust;
import io.penstock.opcua.stack.TrustFolders;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.security.CertificateValidator;
import org.jspecify.annotations.Nullable;

/**
 * Lets clients in by their certificates, as {@link CertificateJudge} says, and says why one is turned away although somebody
 * trusts it; clients themselves are told little. Those that nobody trusts are kept by {@link RejectedClients}. Thread-safe.
 */
final class ClientCertificates implements CertificateValidator {
    private static final int REMEMBERED = 100;

    /** Part 4 §6.1.3: until it is trusted a client learns no more than that it is not. */
    private static final Set<Code> NOT_TOLD =
            EnumSet.of(Code.INVALID, Code.UNTRUSTED, Code.CHAIN_INCOMPLETE, Code.POLICY_CHECK_FAILED);

    private final TrustFolders folders;
    private final CertificateJudge judge;
    private final RejectedClients rejected;
    private final Clock clock;
    private final Consumer<String> log;
    private final Map<X509Certificate, String> explained = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<X509Certificate, String> eldest) {
            return size() > REMEMBERED;
        }
    };

    ClientCertificates(
            TrustFolders folders, CertificateJudge judge, RejectedClients rejected, Clock clock, Consumer<String> log) {
        this.folders = folders;
        this.judge = judge;
        this.rejected = rejected;
        this.clock = clock;
        this.log = log;
    }

    @Override
    public void validateCertificateChain(
            List<X509Certificate> chain, @Nullable String applicationUri, @Nullable String @Nullable [] hosts)
            throws UaException {
        CertificateVerdict verdict = verdict(chain, applicationUri);
        if (verdict.accepted()) {
            if (applicationUri
                    != null) { // when the channel opens nobody knows it yet, the session may still be refused
                synchronized (explained) {
                    explained.remove(chain.get(0));
                }
            }
            return;
        }
        Code code = verdict.problem().code();
        if (code == Code.UNTRUSTED) {
            X509Certificate client = chain.get(0);
            CertificateVerdict then =
                    judge.judge(chain, applicationUri, folders.read().with(client), clock.instant());
            rejected.keep(verdict.chain(), then);
        } else {
            explain(verdict);
        }
        throw new UaException(
                NOT_TOLD.contains(code) ? StatusCodes.Bad_SecurityChecksFailed : code.status(),
                NOT_TOLD.contains(code) ? "certificate refused" : code.label());
    }

    /** What is thought of a client now, its session open or not. */
    CertificateVerdict verdict(List<X509Certificate> chain, @Nullable String applicationUri) {
        return judge.judge(chain, applicationUri, folders.read(), clock.instant());
    }

    Trust trust() {
        return folders.read();
    }

    /** Another text when a person changed whom this server trusts. */
    String state() {
        return folders.state();
    }

    private void explain(CertificateVerdict verdict) {
        if (verdict.chain().isEmpty()) {
            return;
        }
        X509Certificate client = verdict.chain().get(0);
        String about = verdict.problems().stream()
                .map(problem -> problem.code().label())
                .toList()
                .toString();
        synchronized (explained) {
            if (about.equals(explained.put(client, about))) {
                return; // once, not at every attempt
            }
        }
        log.accept("OPC UA client " + CertificateNames.subject(client) + " turned away: " + verdict.text() + " ("
                + verdict.problem().code().label() + ")");
    }
}
