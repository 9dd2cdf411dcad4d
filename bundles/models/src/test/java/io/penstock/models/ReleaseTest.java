// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.memory.MemoryBudget;
import io.penstock.api.model.ModelRejectedException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.SignerInfoGeneratorBuilder;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;
import org.bouncycastle.openssl.jcajce.JceOpenSSLPKCS8EncryptorBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.osgi.util.converter.Converters;

/** Signing and verifying, and every way in which a release must not pass. */
class ReleaseTest {
    private static final long LIMIT = 1 << 20;
    private static final String SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

    @TempDir
    Path folder;

    private static Release verify(byte[] file, TrustStore trust, String... required) throws ModelRejectedException {
        return Release.verify(file, new ReleaseVerifier(trust, List.of(required), false), Keys.NOW, LIMIT);
    }

    private static String refusal(byte[] file, TrustStore trust, String... required) {
        return assertThrows(ModelRejectedException.class, () -> verify(file, trust, required))
                .getMessage();
    }

    private static byte[] signedBy(ReleaseSigner.Signer... signers)
            throws ModelRejectedException, GeneralSecurityException {
        return ReleaseSigner.sign(Samples.bundle("1.0.0", "ok"), 1, List.of("*"), Instant.EPOCH, null, List.of(signers))
                .toBytes();
    }

    // A central team with any of the allowed algorithms could not release to this gateway, or not compare two builds.
    @ParameterizedTest
    @ValueSource(strings = {"p256", "p384", "ed25519", "ml-dsa-65"})
    void everyAllowedAlgorithmRoundTripsAndSignsTheSameTwice(String algorithm) throws Exception {
        Keys keys = Keys.of(algorithm, "Data science");
        byte[] file = Samples.release(keys, "1.0.0", 7, "ok").toBytes();

        Release release = verify(file, keys.trust());

        assertEquals("coagulant-dose 1.0.0", release.identity().label());
        assertEquals(7, release.identity().sequence());
        assertEquals("CN=Data science", release.identity().signer());
        assertEquals(
                Names.sha256(Samples.bundle("1.0.0", "ok")), release.identity().sha256());
        assertArrayEquals(Samples.onnx("ok"), release.artifact().onnx());
        assertArrayEquals(file, Samples.release(keys, "1.0.0", 7, "ok").toBytes());
    }

    // A release changed in one bit anywhere would be taken for the one that was signed.
    @Test
    void noBitOfAReleaseCanBeChanged() throws Exception {
        Keys keys = Keys.p256();
        byte[] file = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
        TrustStore trust = keys.trust();
        verify(file, trust);
        for (int i = 0; i < file.length; i++) {
            int bit = 1 << (i * 5 % 8);
            file[i] ^= (byte) bit;
            int at = i;
            assertThrows(ModelRejectedException.class, () -> verify(file, trust), () -> "byte " + at + " bit " + bit);
            file[i] ^= (byte) bit;
        }
        verify(file, trust);
    }

    // Half a release would be taken for a whole one.
    @Test
    void cutOffAtAnyLengthIsRefused() throws Exception {
        Keys keys = Keys.p256();
        byte[] file = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
        for (int length = 0; length < file.length; length += 37) {
            String message = refusal(Arrays.copyOf(file, length), keys.trust());
            assertTrue(message.contains("cut off"), message);
        }
        String message = refusal(Arrays.copyOf(file, file.length - 1), keys.trust());
        assertTrue(message.contains("of the bundle are there"), message);
        assertTrue(refusal(Arrays.copyOf(file, file.length + 1), keys.trust()).contains("size"));
    }

    // Anybody with a certificate of any CA could move the actuator.
    @Test
    void otherAuthorityIsRefused() throws Exception {
        Keys keys = Keys.p256();
        String message =
                refusal(signedBy(keys.signer()), Keys.of("p256", "Stranger").trust());
        assertTrue(message.contains("CN=Data science has no valid chain to a CA in etc/trust/models"), message);
    }

    // The certificate of a web server of the same company would do for a model.
    @Test
    void wrongExtendedKeyUsageIsRefused() throws Exception {
        Keys keys = Keys.p256();
        for (String usage : Arrays.asList(SERVER_AUTH, null)) {
            String message = refusal(
                    signedBy(keys.signerWith(KeyUsage.digitalSignature, usage, Keys.FROM, Keys.TO)), keys.trust());
            assertTrue(message.contains("extended key usage"), message);
        }
    }

    // A key for encryption would do for a signature.
    @Test
    void wrongKeyUsageIsRefused() throws Exception {
        Keys keys = Keys.p256();
        String message = refusal(
                signedBy(keys.signerWith(KeyUsage.keyAgreement, Certificates.RELEASE_SIGNING, Keys.FROM, Keys.TO)),
                keys.trust());
        assertTrue(message.contains("digitalSignature"), message);
    }

    // A signer whose time is over could go on releasing.
    @Test
    void expiredSignerIsRefusedForANewReleaseButNotForOneAcceptedBefore() throws Exception {
        Keys keys = Keys.p256();
        byte[] file = signedBy(keys.expired());
        assertTrue(refusal(file, keys.trust()).contains("valid from"));
        Release.verify(
                file, new ReleaseVerifier(keys.trust(), List.of(), false), Keys.NOW.minus(Duration.ofDays(30)), LIMIT);
    }

    // A stolen key could still sign; or a gateway would lose its model because a signer changed jobs.
    @Test
    void revokedSignerIsRefusedAndACompromiseReachesBack() throws Exception {
        Keys keys = Keys.p256();
        byte[] file = signedBy(keys.signer());
        Instant revoked = Keys.NOW.minus(Duration.ofDays(10));
        for (int reason : new int[] {CRLReason.keyCompromise, CRLReason.superseded}) {
            X509CRL list = Certificates.newRevocationList(
                    keys.authorityKeys, keys.authority, keys.signer, revoked, reason, Keys.TO);
            TrustStore trust = new TrustStore(folder, List.of(keys.authority), List.of(list));
            assertTrue(refusal(file, trust).contains("was revoked"));
            ReleaseVerifier verifier = new ReleaseVerifier(trust, List.of(), false);
            Instant before = revoked.minus(Duration.ofDays(1));
            if (reason == CRLReason.superseded) {
                Release.verify(file, verifier, before, LIMIT);
            } else {
                assertThrows(ModelRejectedException.class, () -> Release.verify(file, verifier, before, LIMIT));
            }
        }
    }

    // A pipe or a link to a device beside the CA held up every release and rollback until the gateway was restarted, or
    // ended it.
    @Test
    void trustFolderWithSomethingThatIsNoPlainFileIsRefusedAtOnce() throws Exception {
        Keys.p256().trustIn(folder);
        for (String name : new String[] {"zero.pem", "zero.crl"}) {
            Path link = Files.createSymbolicLink(folder.resolve(name), Path.of("/dev/zero"));
            String message = assertThrows(ModelRejectedException.class, () -> TrustStore.read(folder))
                    .getMessage();
            assertEquals(
                    "trust: " + link + " cannot be used: a plain file is needed, this is none; repair or remove it",
                    message);
            Files.delete(link);
        }
        TrustStore.read(folder);
    }

    // Somebody could replace the revocation list by one of his own and un-revoke a key.
    @Test
    void forgedRevocationListIsRefused() throws Exception {
        Keys keys = Keys.p256();
        Keys forger = Keys.p256();
        X509CRL list = Certificates.newRevocationList(
                forger.authorityKeys, keys.authority, forger.signer, Keys.NOW, CRLReason.superseded, Keys.TO);
        String message =
                refusal(signedBy(keys.signer()), new TrustStore(folder, List.of(keys.authority), List.of(list)));
        assertTrue(message.contains("wrong signature"), message);
    }

    // With the CA's new key beside the old one no release would be accepted any more, the old list being "forged".
    @Test
    void listOfTheOldKeyOfACertificateAuthorityDoesNotStopTheNew() throws Exception {
        Keys old = Keys.p256();
        Keys keys = Keys.p256();
        X509CRL list = Certificates.newRevocationList(
                old.authorityKeys, old.authority, old.signer, Keys.NOW, CRLReason.keyCompromise, Keys.TO);
        TrustStore trust = new TrustStore(folder, List.of(old.authority, keys.authority), List.of(list));
        verify(signedBy(keys.signer()), trust);
        assertTrue(refusal(signedBy(old.signer()), trust).contains("was revoked"));
    }

    // A stranger's file would keep the room busy with the paths through its certificates.
    @Test
    void swarmOfCertificatesIsRefused() throws Exception {
        Keys keys = Keys.p256();
        List<X509Certificate> chain = new ArrayList<>(List.of(keys.signer));
        for (int i = 0; i < 20; i++) {
            chain.add(Certificates.newCertificate(
                    keys.authorityKeys,
                    keys.authority,
                    keys.authorityKeys,
                    "CN=" + i,
                    Keys.FROM,
                    Keys.TO,
                    true,
                    4,
                    null));
        }
        byte[] file = signedBy(new ReleaseSigner.Signer(keys.signerKeys.getPrivate(), chain));
        assertTrue(refusal(file, keys.trust()).contains("21 certificates, at most 16"));
    }

    // A statement whose digest can be forged would do.
    @ParameterizedTest
    @ValueSource(strings = {"1.3.14.3.2.26", "1.2.840.113549.2.5"})
    void weakDigestsAreRefusedByName(String digest) throws Exception {
        Keys keys = Keys.p256();
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        SignerInfoGeneratorBuilder builder = new SignerInfoGeneratorBuilder(new JcaDigestCalculatorProviderBuilder()
                .setProvider(Certificates.BC)
                .build());
        builder.setContentDigest(new AlgorithmIdentifier(new ASN1ObjectIdentifier(digest)));
        generator.addSignerInfoGenerator(builder.build(
                new JcaContentSignerBuilder("SHA256withECDSA")
                        .setProvider(Certificates.BC)
                        .build(keys.signerKeys.getPrivate()),
                new JcaX509CertificateHolder(keys.signer)));
        generator.addCertificate(new JcaX509CertificateHolder(keys.signer));
        byte[] bundle = Samples.bundle("1.0.0", "ok");
        byte[] statement =
                verify(signedBy(keys.signer()), keys.trust()).statement().toBytes();
        byte[] cms = generator
                .generate(new CMSProcessableByteArray(statement), true)
                .toASN1Structure()
                .getEncoded(ASN1Encoding.DER);
        String message = refusal(new ReleaseFile(cms, bundle).toBytes(), keys.trust());
        assertTrue(message.contains("digest algorithm " + digest + "; allowed are SHA-256"), message);
    }

    // A site that insists on revocation lists would accept a release without one.
    @Test
    void missingRevocationListIsRefusedWhereRequired() throws Exception {
        Keys keys = Keys.p256();
        ReleaseVerifier verifier = new ReleaseVerifier(keys.trust(), List.of(), true);
        byte[] file = signedBy(keys.signer());
        String message = assertThrows(
                        ModelRejectedException.class, () -> Release.verify(file, verifier, Keys.NOW, LIMIT))
                .getMessage();
        assertTrue(message.contains("no current revocation list of CN=CA of Data science"), message);
    }

    // A plant that wants its own signature beside the data scientists' would get models without it.
    @Test
    void requiredSignersMustSignTogether() throws Exception {
        Keys science = Keys.p256();
        Keys plant = Keys.of("ml-dsa-65", "Plant");
        TrustStore trust = new TrustStore(folder, List.of(science.authority, plant.authority), List.of());
        String[] both = {"CN=Plant", "cn=data science"};
        Release release = verify(signedBy(science.signer(), plant.signer()), trust, both);
        assertTrue(release.identity().signer().contains("CN=Plant"));
        assertTrue(release.identity().signer().contains("CN=Data science"));
        assertTrue(refusal(signedBy(science.signer()), trust, both).contains("requires exactly"));
        ReleaseSigner.Signer again =
                science.signerWith(KeyUsage.digitalSignature, Certificates.RELEASE_SIGNING, Keys.FROM, Keys.TO);
        assertTrue(refusal(signedBy(science.signer(), again), trust, both).contains("signed twice"));
        assertThrows(GeneralSecurityException.class, () -> signedBy(science.signer(), science.signer()));
    }

    // An algorithm that is broken tomorrow, or a short RSA key, would do.
    @Test
    void otherAlgorithmsAreRefused() throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
        generator.initialize(2048);
        KeyPair rsa = generator.generateKeyPair();
        Keys keys = Keys.p256();
        X509Certificate certificate =
                Certificates.newSigner(keys.authorityKeys, keys.authority, rsa, "CN=Data science", Keys.FROM, Keys.TO);
        ReleaseSigner.Signer signer = new ReleaseSigner.Signer(rsa.getPrivate(), List.of(certificate));
        assertThrows(GeneralSecurityException.class, () -> signedBy(signer));

        X509Certificate rsaAuthority = Certificates.newAuthority(rsa, "CN=Old CA", Keys.FROM, Keys.TO);
        X509Certificate issued =
                Certificates.newSigner(rsa, rsaAuthority, keys.signerKeys, "CN=Data science", Keys.FROM, Keys.TO);
        byte[] file = signedBy(new ReleaseSigner.Signer(keys.signerKeys.getPrivate(), List.of(issued)));
        String message = refusal(file, new TrustStore(folder, List.of(rsaAuthority), List.of()));
        assertTrue(message.contains("allowed are"), message);
    }

    // A key that does not belong to the certificate would only be noticed at the plant.
    @Test
    void foreignKeyCannotSign() throws Exception {
        Keys keys = Keys.p256();
        Keys other = Keys.p256();
        ReleaseSigner.Signer signer = new ReleaseSigner.Signer(other.signerKeys.getPrivate(), List.of(keys.signer));
        assertThrows(GeneralSecurityException.class, () -> signedBy(signer));
    }

    // Anybody who may drop a file could fill the gateway's memory, which ends it, again after every restart.
    @Test
    void bundleOfAStrangerIsNotReadIntoMemory() throws Exception {
        byte[] whole = Samples.release(Keys.p256(), "1.0.0", 1, "ok").toBytes();
        Path file = folder.resolve("large.penstock");
        try (RandomAccessFile large = new RandomAccessFile(file.toFile(), "rw")) {
            large.write(whole);
            large.setLength(3L << 30);
        }
        ReleaseVerifier verifier = new ReleaseVerifier(Keys.p256().trust(), List.of(), false);
        String message = assertThrows(
                        ModelRejectedException.class,
                        () -> Release.read(file, verifier, Keys.NOW, Long.MAX_VALUE, Long.MAX_VALUE))
                .getMessage();
        assertTrue(message.contains("has no valid chain"), message);
    }

    // A limit the gateway's memory cannot keep would be noticed with the first large release, by a crash.
    @Test
    void largestReleaseFitsTheHeap() {
        Settings.checkHeap(16, MemoryBudget.ofGateway(160));
        String message = assertThrows(
                        IllegalArgumentException.class, () -> Settings.checkHeap(64, MemoryBudget.ofGateway(160)))
                .getMessage();
        assertTrue(message.startsWith("maximumReleaseMiB: at most 19, an eighth of the gateway's heap"), message);
    }

    // A gateway with a small heap, PENSTOCK_OPTS=-Xmx96m, had no models at all, for a limit that nobody had set.
    @Test
    void unconfiguredLimitFitsASmallHeap() {
        MemoryBudget small = MemoryBudget.ofGateway(96);
        assertThrows(IllegalArgumentException.class, () -> Settings.checkHeap(16, small));
        assertEquals(11, Settings.unconfiguredReleaseMiB(small));
        Settings.checkHeap(Settings.unconfiguredReleaseMiB(small), small);
        assertEquals(19, Settings.unconfiguredReleaseMiB(MemoryBudget.ofGateway(160)));
        Settings unconfigured =
                Settings.of(Converters.standardConverter().convert(Map.of()).to(Models.Config.class));
        assertEquals(Settings.unconfiguredReleaseMiB(MemoryBudget.ofThisProcess()), unconfigured.maximumReleaseMiB());
    }

    // A swap that waits a day for its window would hold file and golden vectors of the release for as long.
    @Test
    void aSwapHoldsNeitherFileNorGoldenVectors() throws Exception {
        Keys keys = Keys.p256();
        Release release = verify(Samples.release(keys, "1.0.0", 1, "ok").toBytes(), keys.trust());
        Release forSwap = release.forSwap();
        assertTrue(release.bundle().length > 0
                && !release.content().golden().cycles().isEmpty());
        assertEquals(0, forSwap.bundle().length);
        assertEquals(0, forSwap.content().contractJson().length);
        assertTrue(forSwap.content().golden().cycles().isEmpty());
        assertEquals(release.artifact(), forSwap.artifact());
        assertEquals(release.id(), forSwap.id());
    }

    // The statement of one model could be put in front of another.
    @Test
    void statementAboutAnotherBundleIsRefused() throws Exception {
        Keys keys = Keys.p256();
        ReleaseFile genuine = Samples.release(keys, "1.0.0", 1, "ok");
        byte[] swapped = new ReleaseFile(genuine.cms(), Samples.bundle("1.1.0", "ok")).toBytes();
        assertTrue(refusal(swapped, keys.trust()).contains("the signed statement says"));

        byte[] bundle = Samples.bundle("1.0.0", "ok");
        Statement genuineStatement = verify(genuine.toBytes(), keys.trust()).statement();
        Statement otherName = new Statement(
                "other-model",
                "1.0.0",
                1,
                bundle.length,
                genuineStatement.sha256(),
                genuineStatement.onnxSha256(),
                genuineStatement.contractSha256(),
                List.of("*"),
                Instant.EPOCH,
                null);
        byte[] misnamed =
                new ReleaseFile(ReleaseSigner.sign(otherName.toBytes(), List.of(keys.signer())), bundle).toBytes();
        assertTrue(refusal(misnamed, keys.trust()).contains("name of the bundle is coagulant-dose"));
    }

    // An unsigned bundle, or any file with the right name, would be installed.
    @Test
    void whatIsNoReleaseIsRefused() throws Exception {
        Keys keys = Keys.p256();
        assertTrue(refusal(Samples.bundle("1.0.0", "ok"), keys.trust()).contains("does not begin with PENSTOCK"));
        byte[] unsigned = new ReleaseFile(Samples.bytes("{}"), Samples.bundle("1.0.0", "ok")).toBytes();
        assertTrue(refusal(unsigned, keys.trust()).contains("no CMS"));
        byte[] future = Samples.release(keys, "1.0.0", 1, "ok").toBytes();
        future[8] = 2;
        assertTrue(refusal(future, keys.trust()).contains("format version 2"));
    }

    // A release could be taken in before the plant was ready, or years after it was withdrawn.
    @Test
    void validityIsChecked() throws Exception {
        Keys keys = Keys.p256();
        byte[] file = ReleaseSigner.sign(
                        Samples.bundle("1.0.0", "ok"),
                        1,
                        List.of("*"),
                        Keys.NOW,
                        Keys.NOW.plusSeconds(60),
                        List.of(keys.signer()))
                .toBytes();
        Release release = verify(file, keys.trust());
        release.checkTime(Keys.NOW);
        assertThrows(ModelRejectedException.class, () -> release.checkTime(Keys.NOW.minusSeconds(1)));
        assertThrows(ModelRejectedException.class, () -> release.checkTime(Keys.NOW.plusSeconds(61)));
    }

    // An engineer without a CA on the gateway would not learn where it belongs.
    @Test
    void emptyTrustNamesTheFolder() throws Exception {
        String message = assertThrows(ModelRejectedException.class, () -> TrustStore.read(folder.resolve("models")))
                .getMessage();
        assertTrue(message.contains(folder.resolve("models") + "; put the certificate of the CA"), message);
        Keys keys = Keys.p256();
        keys.trustIn(folder);
        verify(signedBy(keys.signer()), TrustStore.read(folder));
        Files.writeString(folder.resolve("signer.pem"), Certificates.toPem(List.of(keys.signer)));
        assertTrue(assertThrows(ModelRejectedException.class, () -> TrustStore.read(folder))
                .getMessage()
                .contains("is not a CA"));
    }

    // A data scientist with a passphrase on the key could not sign, or one without knowing it could.
    @Test
    void keysAreReadPlainAndEncrypted() throws Exception {
        Keys keys = Keys.p256();
        Path plain = folder.resolve("plain.pem");
        Files.writeString(plain, Certificates.toPem(List.of(keys.signerKeys.getPrivate())));
        assertTrue(Files.readString(plain).startsWith("-----BEGIN PRIVATE KEY-----"));
        assertEquals(keys.signerKeys.getPrivate(), Certificates.readKey(plain, null));

        Path encrypted = folder.resolve("encrypted.pem");
        Files.writeString(
                encrypted,
                Certificates.toPem(List.of(new JcaPKCS8Generator(
                        keys.signerKeys.getPrivate(),
                        new JceOpenSSLPKCS8EncryptorBuilder(NISTObjectIdentifiers.id_aes256_CBC)
                                .setProvider(Certificates.BC)
                                .setPassword("open sesame".toCharArray())
                                .build()))));
        assertEquals(keys.signerKeys.getPrivate(), Certificates.readKey(encrypted, "open sesame".toCharArray()));
        assertThrows(GeneralSecurityException.class, () -> Certificates.readKey(encrypted, "wrong".toCharArray()));
        assertThrows(GeneralSecurityException.class, () -> Certificates.readKey(encrypted, null));
    }
}
