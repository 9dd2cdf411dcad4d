// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.acquisition.ConnectionStatus.State;
import io.penstock.api.data.StatusCode;
import io.penstock.api.data.TagId;
import io.penstock.opcua.stack.ApplicationCertificate;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.concurrent.TimeUnit;
import org.eclipse.milo.opcua.stack.core.security.SecurityPolicy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SecurityPeerTest {
    @TempDir
    Path home;

    // A server certificate accepted unseen lets anyone on the plant network pose as the plant.
    @ParameterizedTest
    @EnumSource(
            value = SecurityPolicy.class,
            names = {"Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"})
    void unknownServerIsRefusedUntilItsCertificateIsMoved(SecurityPolicy policy) throws Exception {
        try (Plant plant = Plant.serving(home, "anonymous=no")) {
            plant.password("secret");
            plant.start(plant.secure(policy, "operator", Plant.COUNTER));
            Plant.await(
                    "refusal",
                    () -> plant.connector.connection().detail().contains("is not trusted"),
                    () -> plant.connector.connection());
            String detail = plant.connector.connection().detail();
            Path kept = plant.only("rejected");
            X509Certificate certificate;
            try (InputStream in = Files.newInputStream(kept)) {
                certificate = (X509Certificate)
                        CertificateFactory.getInstance("X.509").generateCertificate(in);
            }
            assertTrue(detail.contains(ApplicationCertificate.thumbprint(certificate)), detail);
            assertTrue(detail.contains("move " + home.relativize(kept)), detail);
            assertTrue(detail.contains("to data/connector.opcua/plant/trusted"), detail);
            assertEquals(State.LOST, plant.connector.connection().state());
            assertEquals(
                    0,
                    plant.heard.of("C0").stream()
                            .filter(s -> StatusCode.isGood(s.status()))
                            .count());

            plant.approve();
            plant.heard.await("C0", "value", s -> s.status() == StatusCode.GOOD);
            plant.awaitConnected(); // the first value comes while the session is still being set up
            assertEquals("", plant.connector.connection().warning());
            assertEquals(
                    StatusCode.GOOD,
                    plant.connector
                            .write(new TagId("C0"), 4, 5_000)
                            .toCompletableFuture()
                            .get(10, TimeUnit.SECONDS));
        }
    }

    // "Connection failed" alone sends the engineer to the network cabinet instead of to the password file.
    @Test
    void wrongPasswordIsNamedAndNeverShown() throws Exception {
        try (Plant plant = Plant.serving(home)) {
            plant.password("not-the-password");
            Settings settings = Plant.impatient(plant.secure(SecurityPolicy.Basic256Sha256, "operator", Plant.COUNTER));
            plant.start(settings);
            Plant.await(
                    "refusal of the certificate",
                    () -> plant.connector.connection().detail().contains("is not trusted"),
                    () -> plant.connector.connection());
            plant.approve();
            Plant.await(
                    "refusal of the user",
                    () -> plant.connector.connection().detail().contains("refuses user 'operator'"),
                    () -> plant.connector.connection());
            String detail = plant.connector.connection().detail();
            assertTrue(detail.contains("etc/plant.password"), detail);
            assertFalse(detail.contains("not-the-password"), detail);

            Files.delete(home.resolve("etc/plant.password"));
            Plant.await(
                    "missing file",
                    () -> plant.connector.connection().detail().contains("cannot be read"),
                    () -> plant.connector.connection());
            Files.createSymbolicLink(home.resolve("etc/plant.password"), Path.of("/dev/zero")); // would never end
            Plant.await(
                    "no plain file",
                    () -> plant.connector.connection().detail().contains("is no plain file"),
                    () -> plant.connector.connection());
            Files.delete(home.resolve("etc/plant.password"));
            plant.password("secret");
            plant.heard.await("C0", "value after the right password", s -> s.status() == StatusCode.GOOD);
            assertEquals("", plant.connector.connection().warning());
            Files.setPosixFilePermissions(
                    home.resolve("etc/plant.password"), PosixFilePermissions.fromString("rw-r--r--"));
            plant.server.close();
            plant.serve();
            Plant.await(
                    "warning about the file",
                    () -> plant.connector.connection().warning().contains("chmod 600"),
                    () -> plant.connector.connection());
        }
    }

    // Without a list of what the server offers nobody knows which of the two to change.
    @Test
    void endpointsTheServerDoesNotHaveAreAnsweredWithThoseItHas() {
        try (Plant plant = Plant.serving(home, "anonymous=no", "policies=Basic256Sha256")) {
            plant.start(plant.secure(SecurityPolicy.Aes128_Sha256_RsaOaep, "", Plant.COUNTER));
            Plant.await(
                    "list of endpoints",
                    () -> plant.connector
                            .connection()
                            .detail()
                            .contains("does not offer Aes128_Sha256_RsaOaep/SignAndEncrypt"),
                    () -> plant.connector.connection());
            String detail = plant.connector.connection().detail();
            assertTrue(detail.contains("Basic256Sha256/SignAndEncrypt"), detail);
        }
    }

    // A password on the wire in clear is everybody's password.
    @Test
    void passwordIsNotSentWhereAnyoneCanReadIt() throws Exception {
        try (Plant plant = Plant.serving(home, "tokens=clear")) {
            plant.password("secret");
            plant.start(userWithoutSecurity(plant));
            Plant.await(
                    "refusal",
                    () -> plant.connector.connection().detail().contains("would take the password in clear"),
                    () -> plant.connector.connection());
        }
    }

    private static Settings userWithoutSecurity(Plant plant) {
        Settings secure = plant.secure(SecurityPolicy.Basic256Sha256, "operator", Plant.COUNTER);
        Settings open = plant.settings(Plant.COUNTER);
        return new Settings(
                open.name(),
                open.endpointUrl(),
                open.host(),
                plant.port,
                open.tags(),
                open.policy(),
                open.mode(),
                false,
                "operator",
                secure.passwordFile(),
                open.publishingIntervalMs(),
                open.queueSize(),
                open.requestTimeoutMs(),
                open.keepAliveMs(),
                open.lossToBadMs(),
                open.retryMs(),
                open.maxRetryMs(),
                open.nodeRetryMs(),
                open.serverCertificates());
    }

    // Without a secure channel the password is still encrypted, for whoever sends his certificate first.
    @Test
    void passwordIsNotEncryptedForAStranger() {
        try (Plant plant = Plant.serving(home)) {
            plant.password("secret");
            plant.start(userWithoutSecurity(plant));
            Plant.await(
                    "refusal",
                    () -> plant.connector.connection().detail().contains("is not trusted"),
                    () -> plant.connector.connection());
            plant.approve();
            plant.heard.await("C0", "value", s -> s.status() == StatusCode.GOOD);
            assertTrue(plant.connector.connection().warning().contains("security is off"));
        }
    }
}
