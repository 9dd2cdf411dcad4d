// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.opcua.stack.CertificateVerdict.Code;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the matrix has no column for: strangers' swarms, clocks, folders that change. */
final class CertificateJudgeTest {
    private static final KeyPair CA_KEY = Pki.key("root", 2048);
    private static final KeyPair KEY = Pki.key("leaf", 2048);
    private static final X509Certificate CA =
            new Pki.Draft("CN=Plant CA", CA_KEY).authority(-1).selfSigned();
    private static final X509Certificate SELF = new Pki.Draft("CN=scada", KEY).selfSigned();
    private static final X509Certificate ISSUED = new Pki.Draft("CN=scada", KEY).by(CA, CA_KEY);

    @TempDir
    Path directory;

    private final List<String> told = new ArrayList<>();

    private static CertificateJudge judge(boolean required) {
        return new CertificateJudge(new CertificatePolicy(CertificatePolicy.Peer.CLIENT, 2048, required), Pki.FROM);
    }

    private static Trust trusting(X509Certificate... certificates) {
        return new Trust(List.of(certificates), List.of(), List.of(), List.of(), "issuers/certs", "issuers/crl");
    }

    private static CertificateVerdict judge(Trust trust, X509Certificate... sent) {
        return judge(false).judge(List.of(sent), Pki.URI, trust, Pki.NOW);
    }

    private static void refused(Code code, String words, CertificateVerdict verdict) {
        assertFalse(verdict.accepted(), words);
        assertEquals(code, verdict.problem().code(), verdict.text());
        assertTrue(verdict.text().contains(words), verdict.text());
    }

    // A certificate's subject could otherwise paint another client's fingerprint over its own, to be trusted in its
    // place.
    @Test
    void whatAStrangerWroteMovesNoCursor() {
        assertEquals("CN=a?[2J?rejected  12ab??", CertificateNames.shown("CN=a\u001b[2J\nrejected  12ab\u202e\u0000"));
        assertEquals("CN=Müller, O=Stadtwerke", CertificateNames.shown("CN=Müller, O=Stadtwerke"));
        assertEquals(201, CertificateNames.shown("x".repeat(60_000)).length());
    }

    // One client that was trusted could let in any number of others, under any name.
    @Test
    void aTrustedClientVouchesForNobodyWhateverItsCertificateSays() {
        X509Certificate self = new Pki.Draft("CN=scada", KEY)
                .constraints(new BasicConstraints(true))
                .usage(Pki.LEAF_USAGE | Pki.CA_USAGE)
                .selfSigned();
        assertTrue(judge(trusting(self), self).accepted());
        X509Certificate minted = new Pki.Draft("CN=engineer", Pki.key("minted", 2048)).by(self, KEY);
        refused(Code.UNTRUSTED, "nobody trusts CN=engineer", judge(trusting(self), minted, self));
    }

    // The verdict tells by whom it was let in, and approval of one is not approval of all.
    @Test
    void trustOfOneIsNotTrustOfAll() {
        CertificateVerdict one = judge(trusting(ISSUED), ISSUED, CA);
        assertTrue(one.accepted() && one.authority() == null, one.text());
        CertificateVerdict all = judge(trusting(CA), ISSUED);
        assertTrue(all.accepted() && CA.equals(all.authority()), all.text());
        X509Certificate sister = new Pki.Draft("CN=sister", KEY).by(CA, CA_KEY);
        refused(Code.UNTRUSTED, "nobody trusts CN=sister", judge(trusting(ISSUED), sister, CA));
    }

    // An authority that was cut down to one plant's names could issue for all of them; the root counts as well.
    @Test
    void nameConstraintsOfRootsCount() {
        for (String permitted : List.of("plant.example", "other.example")) {
            X509Certificate root = new Pki.Draft("CN=Plant CA", CA_KEY)
                    .authority(-1)
                    .permitted(permitted)
                    .selfSigned();
            X509Certificate leaf = new Pki.Draft("CN=scada", KEY).by(root, CA_KEY);
            CertificateVerdict verdict = judge(trusting(root), leaf);
            if (permitted.startsWith("plant")) {
                assertTrue(verdict.accepted(), verdict.text());
            } else {
                refused(Code.INVALID, "breaks a rule of its issuers", verdict);
            }
        }
    }

    // A stranger's certificates must not keep a core busy before anybody trusts them.
    @Test
    void whatAStrangerSendsIsBounded() {
        refused(Code.INVALID, "sent were 0", judge(trusting()));
        refused(Code.INVALID, "there twice", judge(trusting(CA), ISSUED, CA, CA));
        X509Certificate huge = new Pki.Draft("CN=huge", KEY).padding(20_000).selfSigned();
        refused(Code.INVALID, "at most 16384", judge(trusting(huge), huge));

        List<X509Certificate> deep = new ArrayList<>(List.of(CA));
        for (int i = 0; i < 11; i++) {
            deep.add(0, new Pki.Draft("CN=CA " + i, CA_KEY).authority(-1).by(deep.get(0), CA_KEY));
        }
        X509Certificate low = new Pki.Draft("CN=low", KEY).by(deep.get(0), CA_KEY);
        List<X509Certificate> sent = new ArrayList<>(deep);
        sent.add(0, low);
        refused(Code.INVALID, "sent were 13", judge(trusting(CA), sent.toArray(X509Certificate[]::new)));
        Trust known = new Trust(List.of(CA), deep, List.of(), List.of(), "issuers/certs", "issuers/crl");
        refused(Code.UNTRUSTED, "nobody trusts CN=low", judge(known, low));

        List<X509Certificate> swarm = new ArrayList<>();
        swarm.add(new Pki.Draft("CN=stranger", KEY).by(new Pki.Draft("CN=A", CA_KEY).selfSigned(), CA_KEY));
        for (int i = 0; i < 9; i++) { // each issued every other
            swarm.add(new Pki.Draft("CN=A", CA_KEY)
                    .authority(-1)
                    .by(new Pki.Draft("CN=A", CA_KEY).authority(i).selfSigned(), CA_KEY));
        }
        CertificateChains chains = new CertificateChains(swarm.get(0), new java.util.HashSet<>(swarm), 10);
        assertTrue(
                chains.complete().size() <= 8,
                "ways found: " + chains.complete().size());
        refused(
                Code.UNTRUSTED,
                "nobody trusts CN=stranger",
                judge(trusting(CA), swarm.toArray(X509Certificate[]::new)));
    }

    // After a power cut without a clock battery it is 1970: told as an expired client, the certificates would be
    // changed
    // instead of the clock.
    @Test
    void aClockThatCannotBeIsNamedAsTheCause() {
        CertificateVerdict verdict = judge(false).judge(List.of(SELF), Pki.URI, trusting(SELF), Instant.EPOCH);
        refused(Code.TIME_INVALID, "which cannot be: its own certificate was made on", verdict);
        assertEquals("set the clock", verdict.problem().nextStep());
        assertFalse(verdict.endsSessions());
        assertFalse(judge(false)
                .judge(List.of(SELF), Pki.URI, trusting(SELF), Pki.FROM.minusSeconds(1))
                .accepted());
        assertTrue(judge(false)
                .judge(List.of(SELF), Pki.URI, trusting(SELF), Pki.FROM)
                .accepted());
    }

    // An expired certificate that is then revoked must still end its sessions.
    @Test
    void anotherProblemDoesNotHideTheOneThatEndsSessions() {
        X509Certificate expired = new Pki.Draft("CN=scada", KEY)
                .valid(Pki.FROM, Pki.NOW.minusSeconds(9))
                .by(CA, CA_KEY);
        assertFalse(judge(trusting(CA), expired).endsSessions());
        Trust revoking = new Trust(
                List.of(CA),
                List.of(),
                List.of(new Trust.RevocationList(
                        "a.crl", Pki.list(Pki.Kind.V1, CA, CA_KEY, expired, Pki.NOW.minusSeconds(5), Pki.TO))),
                List.of(),
                "",
                "");
        CertificateVerdict verdict = judge(revoking, expired);
        refused(Code.REVOKED, "has expired on", verdict);
        assertTrue(verdict.endsSessions());
    }

    // The authority takes a revocation back, or its key is changed: the newest list of the right key counts, alone.
    @Test
    void theNewestListOfTheRightKeyCounts() {
        KeyPair newKey = Pki.key("renewed root", 2048);
        X509Certificate renewed =
                new Pki.Draft("CN=Plant CA", newKey).authority(-1).selfSigned();
        var old = new Trust.RevocationList(
                "old.crl", Pki.list(Pki.Kind.V2, CA, CA_KEY, ISSUED, Pki.NOW.minus(Duration.ofDays(2)), Pki.TO));
        var newer = new Trust.RevocationList(
                "new.crl", Pki.list(Pki.Kind.V1, CA, CA_KEY, null, Pki.NOW.minus(Duration.ofDays(1)), Pki.TO));
        var others = new Trust.RevocationList(
                "renewed.crl", Pki.list(Pki.Kind.V2, renewed, newKey, ISSUED, Pki.NOW.minusSeconds(1), Pki.TO));
        for (List<Trust.RevocationList> lists : List.of(List.of(old, newer, others), List.of(others, newer, old))) {
            Trust trust = new Trust(List.of(CA, renewed), List.of(), lists, List.of(), "", "");
            assertTrue(
                    judge(true).judge(List.of(ISSUED), Pki.URI, trust, Pki.NOW).accepted());
        }
    }

    // Files are copied, moved and replaced while the gateway runs; each must count at the next look, none may break it.
    @Test
    void foldersAreReadAsTheyAreNow() throws Exception {
        TrustFolders folders = TrustFolders.create(directory, "pki", told::add);
        String empty = folders.state();
        assertEquals(empty, folders.state());
        Path file = directory.resolve("trusted/certs/a.der");
        Files.write(file, CA.getEncoded());
        assertNotEquals(empty, folders.state());
        assertEquals(List.of(CA), folders.read().trusted());
        Trust before = folders.read();
        Files.move(file, directory.resolve("issuers/a.der")); // also without a folder of its own
        Trust after = folders.read();
        assertEquals(List.of(), after.trusted());
        assertEquals(List.of(CA), after.issuers());
        List<String> changes = after.changesSince(before);
        assertEquals(2, changes.size(), changes.toString());
        assertTrue(changes.get(0).startsWith("no longer trusted: authority CN=Plant CA, SHA-256 "), changes.toString());

        Path old = Files.createDirectories(directory.resolve("issuer/certs")).resolve("a.der");
        Files.move(directory.resolve("issuers/a.der"), old);
        assertEquals(List.of(CA), folders.read().issuers(), "where Milo's own trust list had it");

        Path list = directory.resolve("issuers/crl/plant.crl");
        byte[] first = Pki.list(Pki.Kind.V2, CA, CA_KEY, null, Pki.NOW, Pki.TO).getEncoded();
        byte[] second = Pki.list(Pki.Kind.V2, CA, CA_KEY, null, Pki.NOW.plusSeconds(1), Pki.TO)
                .getEncoded();
        assertEquals(first.length, second.length, "the same length, within the same tick of the file system's clock");
        Files.write(list, first);
        String with = folders.state();
        Files.write(list, second);
        assertNotEquals(with, folders.state());
        assertEquals(1, folders.read().lists().size());

        Files.writeString(directory.resolve("issuers/crl/broken.crl"), "no list");
        Files.writeString(directory.resolve("trusted/certs/broken.der"), "no certificate");
        Files.write(directory.resolve("trusted/certs/half.der.part"), new byte[] {1});
        Files.createSymbolicLink(directory.resolve("trusted/certs/zero.der"), Path.of("/dev/zero"));
        Trust broken = folders.read();
        folders.read();
        assertEquals(List.of("pki/issuers/crl/broken.crl"), broken.unreadable());
        assertEquals(3, told.size(), told.toString());
        assertTrue(
                told.stream().allMatch(line -> line.contains("lets nobody in") && line.contains("replace or remove")));
    }
}
