// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.opcua.stack;

import java.security.Security;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * Makes Bouncy Castle known to the JVM for the one policy that needs it. Milo asks for
 * {@code RSA/ECB/OAEPWithSHA256AndMGF1Padding} and {@code SHA256withRSA/PSS} by names the JDK does not use and without naming a
 * provider, so Aes256_Sha256_RsaPss works only with a registered one. Thread-safe.
 */
public final class BouncyCastle {
    private BouncyCastle() {}

    /**
     * Adds the provider behind all others, so that whatever the JDK can do it goes on doing itself. Nothing happens where one
     * of that name is there already. It is never removed: another room may be using it.
     */
    public static synchronized void register() {
        if (Security.getProvider(BouncyCastleProvider.PROVIDER_NAME) == null) {
            Security.addProvider(new BouncyCastleProvider());
        }
    }
}
