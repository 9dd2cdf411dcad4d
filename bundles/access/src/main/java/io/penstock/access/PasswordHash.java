// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.access;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/**
 * Argon2id (RFC 9106) with the parameters a user's entry was made with. Memory-hard, so that a stolen file is dear to
 * search; the parameters are stored so that they can be raised later without asking anybody for a new password.
 */
@SuppressWarnings("ArrayRecordComponent") // compared by matches() only
record PasswordHash(int memoryKiB, int iterations, int parallelism, byte[] salt, byte[] hash) {
    static final int SALT_BYTES = 16;
    private static final int HASH_BYTES = 32;
    /**
     * RFC 9106 §4 lets memory be chosen by the machine. 7 MiB and five passes are the smallest of the pairs that the OWASP
     * Password Storage Cheat Sheet holds equal; 32 MiB stayed in the heap of a small gateway after every log-in.
     */
    private static final int MEMORY_KIB = 7 * 1024;

    private static final int ITERATIONS = 5;
    /** A file with absurd parameters must not be able to exhaust the gateway. */
    private static final int MEMORY_KIB_LIMIT = 256 * 1024;

    PasswordHash {
        if (memoryKiB < 8 || memoryKiB > MEMORY_KIB_LIMIT) {
            throw new IllegalArgumentException("memoryKiB: 8 to " + MEMORY_KIB_LIMIT + ", was " + memoryKiB);
        }
        if (iterations < 1 || iterations > 20) {
            throw new IllegalArgumentException("iterations: 1 to 20, was " + iterations);
        }
        if (parallelism < 1 || parallelism > 8) {
            throw new IllegalArgumentException("parallelism: 1 to 8, was " + parallelism);
        }
        if (salt.length < 8) {
            throw new IllegalArgumentException("salt: at least 8 bytes, was " + salt.length);
        }
    }

    static PasswordHash of(char[] password, byte[] salt) {
        PasswordHash empty = new PasswordHash(MEMORY_KIB, ITERATIONS, 1, salt, new byte[HASH_BYTES]);
        return new PasswordHash(MEMORY_KIB, ITERATIONS, 1, salt, empty.derive(password));
    }

    /** What an unknown name is compared with: costs as much as a real one, and nothing matches it. */
    static PasswordHash ofNobody(RandomGenerator random) {
        byte[] salt = new byte[SALT_BYTES];
        byte[] hash = new byte[HASH_BYTES];
        random.nextBytes(salt);
        random.nextBytes(hash);
        return new PasswordHash(MEMORY_KIB, ITERATIONS, 1, salt, hash);
    }

    /** Takes the same time for every password; compares in constant time. */
    boolean matches(char[] password) {
        byte[] derived = derive(password);
        try {
            return java.security.MessageDigest.isEqual(derived, hash);
        } finally {
            Arrays.fill(derived, (byte) 0);
        }
    }

    /** What a comparison costs, to give unknown names the price of the dearest known one. */
    long cost() {
        return (long) memoryKiB * iterations;
    }

    private byte[] derive(char[] password) {
        ByteBuffer encoded = ByteBuffer.wrap(new byte[4 * password.length]);
        StandardCharsets.UTF_8
                .newEncoder()
                .onMalformedInput(CodingErrorAction.REPLACE)
                .encode(CharBuffer.wrap(password), encoded, true);
        byte[] bytes = Arrays.copyOf(encoded.array(), encoded.position());
        Arrays.fill(encoded.array(), (byte) 0);
        try {
            Argon2BytesGenerator generator = new Argon2BytesGenerator();
            generator.init(new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
                    .withVersion(Argon2Parameters.ARGON2_VERSION_13)
                    .withMemoryAsKB(memoryKiB)
                    .withIterations(iterations)
                    .withParallelism(parallelism)
                    .withSalt(salt)
                    .build());
            byte[] derived = new byte[hash.length];
            generator.generateBytes(bytes, derived);
            return derived;
        } finally {
            Arrays.fill(bytes, (byte) 0);
        }
    }
}
