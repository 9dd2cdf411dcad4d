// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.opcua.stack.CertificateVerdict.Code;
import io.penstock.opcua.stack.Trust.RevocationList;
import java.security.KeyPair;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every issuer with every leaf, revocation, folder, chain and policy, against what a few plain sentences say of each part.
 * Had one cell been wrong, a stranger, a client that was thrown out, or one with a key that can be computed would have
 * closed a loop, or the control room would have been locked out without a word.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class CertificateMatrixTest {
    private static final KeyPair ROOT_KEY = Pki.key("root", 2048);
    private static final KeyPair LINE_KEY = Pki.key("line", 2048);
    private static final KeyPair LEAF_KEY = Pki.key("leaf", 2048);
    private static final KeyPair OTHER_KEY = Pki.key("other", 2048);

    private static final X509Certificate ROOT =
            new Pki.Draft("CN=Plant CA", ROOT_KEY).authority(-1).selfSigned();

    enum Issuer {
        SELF(null, ""),
        ROOT_CA(null, ""),
        EC_CA(null, ""),
        LINE_CA(null, ""),
        EXPIRED_CA(Code.ISSUER_TIME_INVALID, "CN=Plant CA has expired on"),
        NO_CA(Code.ISSUER_USE_NOT_ALLOWED, "is no authority (basicConstraints CA)"),
        NO_CERT_SIGN(Code.ISSUER_USE_NOT_ALLOWED, "may not issue certificates (key usage keyCertSign)"),
        PATH_TOO_LONG(Code.ISSUER_USE_NOT_ALLOWED, "allows 0 authorities below it (pathLen), there are 1"),
        WEAK_CA(Code.POLICY_CHECK_FAILED, "CN=Plant CA has an RSA key of 1024 bits, allowed are 2048 to 8192"),
        SHA1_LINE_CA(Code.POLICY_CHECK_FAILED, "CN=Line CA is signed with SHA1withRSA, allowed are SHA-256");

        final Code code;
        final String words;

        Issuer(Code code, String words) {
            this.code = code;
            this.words = words;
        }

        boolean hasLine() {
            return this == LINE_CA || this == PATH_TOO_LONG || this == SHA1_LINE_CA;
        }
    }

    enum Leaf {
        GOOD(null, ""),
        EXPIRED(Code.TIME_INVALID, "CN=scada has expired on"),
        NOT_YET(Code.TIME_INVALID, "CN=scada is valid only from"),
        WRONG_USAGE(Code.USE_NOT_ALLOWED, "may not be used to sign and to encrypt"),
        NO_USAGE(Code.USE_NOT_ALLOWED, "has no key usage"),
        WRONG_PURPOSE(Code.USE_NOT_ALLOWED, "is for other purposes than clientAuth"),
        SHA1(Code.POLICY_CHECK_FAILED, "CN=scada is signed with SHA1with"),
        RSA1024(Code.POLICY_CHECK_FAILED, "CN=scada has an RSA key of 1024 bits, allowed are 2048 to 4096"),
        EC(Code.POLICY_CHECK_FAILED, "CN=scada has a key of type EC, the security policies need RSA"),
        NO_URI(Code.URI_INVALID, "names no application URI"),
        TWO_URIS(Code.URI_INVALID, "names no application URI, or several"),
        WRONG_URI(Code.URI_INVALID, "it calls itself urn:plant:scada, its certificate is for urn:plant:other"),
        CRITICAL(Code.INVALID, "has critical extensions [1.3.6.1.4.1.99999.3] that nobody here understands"),
        SAYS_CA(null, "");

        final Code code;
        final String words;

        Leaf(Code code, String words) {
            this.code = code;
            this.words = words;
        }
    }

    enum Lists {
        NONE,
        GOOD,
        GOOD_V1,
        REVOKED_V1,
        REVOKED_V2,
        EXPIRED,
        EXPIRED_REVOKED,
        ENDLESS,
        WRONG_SIGNER,
        DELTA,
        PARTIAL,
        SHA1,
        UNKNOWN_CRITICAL,
        UNREADABLE,
        ISSUER_REVOKED
    }

    enum Folder {
        LEAF_TRUSTED,
        CA_TRUSTED,
        ISSUERS_ONLY,
        NOWHERE
    }

    /** One row of chains from the leaf to the root. */
    private record Made(List<X509Certificate> chain, KeyPair issuerKey) {}

    private static Made make(Issuer issuer, Leaf leaf) {
        KeyPair key = leaf == Leaf.RSA1024
                ? Pki.key("weak leaf", 1024)
                : leaf == Leaf.EC ? Pki.key("ec leaf", 256) : LEAF_KEY;
        Pki.Draft draft = new Pki.Draft("CN=scada", key);
        switch (leaf) {
            case EXPIRED -> draft.valid(Pki.FROM, Pki.NOW.minusSeconds(1));
            case NOT_YET -> draft.valid(Pki.NOW.plusSeconds(1), Pki.TO);
            case WRONG_USAGE -> draft.usage(KeyUsage.digitalSignature | KeyUsage.keyAgreement);
            case NO_USAGE -> draft.usage(null);
            case WRONG_PURPOSE -> draft.purpose(KeyPurposeId.id_kp_codeSigning);
            case SHA1 -> draft.digest("SHA1with");
            case NO_URI -> draft.uris();
            case TWO_URIS -> draft.uris(Pki.URI, "urn:plant:other");
            case WRONG_URI -> draft.uris("urn:plant:other");
            case CRITICAL -> draft.critical("1.3.6.1.4.1.99999.3");
            case SAYS_CA -> draft.constraints(new BasicConstraints(true)).usage(Pki.LEAF_USAGE | Pki.CA_USAGE);
            default -> {}
        }
        Pki.Draft ca = new Pki.Draft("CN=Plant CA", ROOT_KEY).authority(-1);
        switch (issuer) {
            case SELF -> {
                return new Made(List.of(draft.selfSigned()), key);
            }
            case EC_CA, WEAK_CA -> {
                KeyPair caKey = issuer == Issuer.EC_CA ? Pki.key("ec root", 256) : Pki.key("weak root", 1024);
                X509Certificate root =
                        new Pki.Draft("CN=Plant CA", caKey).authority(-1).selfSigned();
                return new Made(List.of(draft.by(root, caKey), root), caKey);
            }
            case EXPIRED_CA -> ca.valid(Pki.FROM, Pki.NOW.minusSeconds(1));
            case NO_CA -> ca.constraints(new BasicConstraints(false));
            case NO_CERT_SIGN -> ca.usage(KeyUsage.cRLSign);
            case PATH_TOO_LONG -> ca.authority(0);
            default -> {}
        }
        X509Certificate root = issuer == Issuer.ROOT_CA || issuer == Issuer.LINE_CA ? ROOT : ca.selfSigned();
        if (!issuer.hasLine()) {
            return new Made(List.of(draft.by(root, ROOT_KEY), root), ROOT_KEY);
        }
        X509Certificate line = new Pki.Draft("CN=Line CA", LINE_KEY)
                .authority(-1)
                .digest(issuer == Issuer.SHA1_LINE_CA ? "SHA1with" : "SHA256with")
                .by(root, ROOT_KEY);
        return new Made(List.of(draft.by(line, LINE_KEY), line, root), LINE_KEY);
    }

    private static List<RevocationList> lists(Made made, Lists lists) {
        List<RevocationList> found = new ArrayList<>();
        if (made.chain().size() == 1) {
            return found;
        }
        X509Certificate issuer = made.chain().get(1);
        X509Certificate leaf = made.chain().get(0);
        KeyPair key = made.issuerKey();
        X509CRL list =
                switch (lists) {
                    case NONE, UNREADABLE -> null;
                    case GOOD, ISSUER_REVOKED -> list(Pki.Kind.V2, issuer, key, null, false);
                    case GOOD_V1 -> list(Pki.Kind.V1, issuer, key, null, false);
                    case REVOKED_V1 -> list(Pki.Kind.V1, issuer, key, leaf, false);
                    case REVOKED_V2 -> list(Pki.Kind.V2, issuer, key, leaf, false);
                    case EXPIRED -> list(Pki.Kind.V2, issuer, key, null, true);
                    case EXPIRED_REVOKED -> list(Pki.Kind.V1, issuer, key, leaf, true);
                    case ENDLESS -> Pki.list(Pki.Kind.V1, issuer, key, null, Pki.NOW.minusSeconds(60), null);
                    case WRONG_SIGNER -> list(Pki.Kind.V2, issuer, OTHER_KEY, null, false);
                    case DELTA -> list(Pki.Kind.DELTA, issuer, key, null, false);
                    case PARTIAL -> list(Pki.Kind.PARTIAL, issuer, key, null, false);
                    case SHA1 -> list(Pki.Kind.SHA1, issuer, key, null, false);
                    case UNKNOWN_CRITICAL -> list(Pki.Kind.UNKNOWN_CRITICAL, issuer, key, null, false);
                };
        if (list != null) {
            found.add(new RevocationList("leaf.crl", list));
        }
        if (made.chain().size() == 3) {
            found.add(new RevocationList(
                    "line.crl",
                    list(
                            Pki.Kind.V1,
                            made.chain().get(2),
                            ROOT_KEY,
                            lists == Lists.ISSUER_REVOKED ? issuer : null,
                            false)));
        }
        return found;
    }

    private static X509CRL list(
            Pki.Kind kind, X509Certificate issuer, KeyPair key, X509Certificate revoked, boolean ended) {
        return Pki.list(
                kind,
                issuer,
                key,
                revoked,
                Pki.NOW.minus(Duration.ofDays(8)),
                ended ? Pki.NOW.minusSeconds(1) : Pki.NOW.plus(Duration.ofDays(8)));
    }

    /** What must come out, said without looking at how it is done. Null for accepted. */
    private static Code expected(
            Issuer issuer, Leaf leaf, Lists lists, Folder folder, boolean chainSent, boolean required) {
        boolean self = issuer == Issuer.SELF;
        boolean rootReached = chainSent || (folder == Folder.CA_TRUSTED && !issuer.hasLine());
        boolean rootIsAuthority = issuer != Issuer.NO_CA;
        boolean trusted = folder == Folder.LEAF_TRUSTED
                || (folder == Folder.CA_TRUSTED && !self && rootReached && rootIsAuthority);
        if (!trusted) {
            return Code.UNTRUSTED;
        }
        if (!self && !rootReached) {
            return Code.CHAIN_INCOMPLETE;
        }
        List<Code> problems = new ArrayList<>();
        if (leaf.code != null) {
            problems.add(leaf.code);
        }
        if (issuer.code != null) {
            problems.add(issuer.code);
        }
        if (!self) {
            switch (lists) {
                case REVOKED_V1, REVOKED_V2, EXPIRED_REVOKED -> problems.add(Code.REVOKED);
                case NONE, EXPIRED, ENDLESS -> {
                    if (required) {
                        problems.add(Code.REVOCATION_UNKNOWN);
                    }
                }
                case WRONG_SIGNER, DELTA, PARTIAL, SHA1, UNKNOWN_CRITICAL, UNREADABLE ->
                    problems.add(Code.REVOCATION_UNKNOWN);
                case ISSUER_REVOKED -> {
                    if (issuer.hasLine()) {
                        problems.add(Code.ISSUER_REVOKED);
                    }
                }
                default -> {}
            }
        }
        return problems.stream().sorted().findFirst().orElse(null);
    }

    private static String words(Issuer issuer, Leaf leaf, Lists lists, Code code) {
        return switch (code) {
            case UNTRUSTED -> "nobody trusts CN=scada or an authority that issued it; compare its fingerprint ";
            case CHAIN_INCOMPLETE -> "which issued CN=scada, is missing; put it into pki/issuers/certs";
            case REVOKED -> "CN=scada was revoked by its issuer on";
            case ISSUER_REVOKED -> "CN=Line CA was revoked by its issuer on";
            case REVOCATION_UNKNOWN ->
                "whether CN=scada is revoked is unknown: "
                        + switch (lists) {
                            case EXPIRED -> "leaf.crl has expired on";
                            case ENDLESS -> "leaf.crl does not say until when it holds";
                            case WRONG_SIGNER -> "leaf.crl is not signed by the issuer it names";
                            case DELTA -> "leaf.crl holds changes to another list only (a delta list)";
                            case PARTIAL -> "leaf.crl covers a part of the certificates only";
                            case SHA1 -> "leaf.crl is signed with SHA1with";
                            case UNKNOWN_CRITICAL -> "leaf.crl has critical extensions [1.3.6.1.4.1.99999.2]";
                            case UNREADABLE -> "broken.crl cannot be read; replace or remove it";
                            default -> "there is no revocation list of CN=";
                        };
            default -> leaf.code == code ? leaf.words : issuer.words;
        };
    }

    @ParameterizedTest
    @EnumSource(Issuer.class)
    void everyCellHasItsVerdictAndItsWords(Issuer issuer) {
        TreeMap<String, Integer> counts = new TreeMap<>();
        for (Leaf leaf : Leaf.values()) {
            Made made = make(issuer, leaf);
            X509Certificate root = made.chain().get(made.chain().size() - 1);
            for (Lists lists : Lists.values()) {
                List<RevocationList> found = lists(made, lists);
                List<String> unreadable = lists == Lists.UNREADABLE ? List.of("broken.crl") : List.of();
                for (Folder folder : Folder.values()) {
                    Trust trust = new Trust(
                            folder == Folder.LEAF_TRUSTED
                                    ? List.of(made.chain().get(0))
                                    : folder == Folder.CA_TRUSTED && issuer != Issuer.SELF ? List.of(root) : List.of(),
                            folder == Folder.ISSUERS_ONLY
                                    ? made.chain().subList(1, made.chain().size())
                                    : List.of(),
                            found,
                            unreadable,
                            "pki/issuers/certs",
                            "pki/issuers/crl");
                    for (boolean chainSent : new boolean[] {false, true}) {
                        for (boolean required : new boolean[] {false, true}) {
                            Code code = expected(issuer, leaf, lists, folder, chainSent, required);
                            CertificateVerdict verdict = new CertificateJudge(
                                            new CertificatePolicy(CertificatePolicy.Peer.CLIENT, 2048, required),
                                            Pki.FROM)
                                    .judge(
                                            chainSent
                                                    ? made.chain()
                                                    : made.chain().subList(0, 1),
                                            Pki.URI,
                                            trust,
                                            Pki.NOW);
                            String cell = issuer + " " + leaf + " " + lists + " " + folder
                                    + (chainSent ? " chain sent" : " leaf sent")
                                    + (required ? " required: " : " tolerated: ") + verdict.text();
                            assertEquals(
                                    code,
                                    verdict.accepted()
                                            ? null
                                            : verdict.problem().code(),
                                    cell);
                            if (code != null) {
                                assertTrue(
                                        verdict.problem().toString().contains(words(issuer, leaf, lists, code)), cell);
                                assertTrue(!verdict.problem().nextStep().isBlank(), cell);
                            }
                            counts.merge(code == null ? "accepted" : code.label(), 1, Integer::sum);
                        }
                    }
                }
            }
        }
        assertEquals(
                Leaf.values().length * Lists.values().length * Folder.values().length * 4,
                counts.values().stream().mapToInt(n -> n).sum(),
                counts.toString());
    }

    // The numbers clients see are the standard's, or UaExpert would show another reason than the log.
    @Test
    void codesAreTheStandards() {
        for (Code code : Code.values()) {
            assertEquals(
                    code.label(), StatusCodes.lookup(code.status()).orElseThrow()[0], "the name of " + code.status());
        }
    }
}
