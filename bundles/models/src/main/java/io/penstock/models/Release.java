// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * A release whose every byte was checked.
 *
 * @param id digest of the whole release file.
 * @param statement what was signed.
 * @param identity which model.
 * @param artifact what pipelines get.
 * @param content the rest of the bundle.
 * @param head what stands before the bundle in the file: the signed statement.
 * @param bundle the bundle file.
 * @param evidence what was found, for the receipt.
 */
@SuppressWarnings("ArrayRecordComponent") // identified by its id
record Release(
        String id,
        Statement statement,
        ModelIdentity identity,
        ModelArtifact artifact,
        ModelBundle content,
        byte[] head,
        byte[] bundle,
        List<String> evidence) {
    Release {
        evidence = List.copyOf(evidence);
    }

    /** Verifies a release in memory, as {@link #read} does one on disk. */
    static Release verify(byte[] file, ReleaseVerifier verifier, Instant at, long maximumBytes)
            throws ModelRejectedException {
        return verify(file, verifier, at, maximumBytes, Long.MAX_VALUE);
    }

    static Release verify(byte[] file, ReleaseVerifier verifier, Instant at, long maximumBytes, long memoryBytes)
            throws ModelRejectedException {
        try {
            return verify(new ByteArrayInputStream(file), file.length, verifier, at, maximumBytes, memoryBytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // bytes in memory can always be read
        }
    }

    /**
     * Verifies signature, digest, bundle and that they speak of the same thing, in this order: no byte of the bundle is in
     * memory before the statement over it has been verified, and none is parsed before its digest has.
     *
     * @param at when the chain must be valid.
     * @param maximumBytes largest bundle, also unpacked.
     * @param memoryBytes heap for all of it meanwhile.
     */
    static Release read(Path file, ReleaseVerifier verifier, Instant at, long maximumBytes, long memoryBytes)
            throws IOException, ModelRejectedException {
        try (PlainFile opened = PlainFile.open(file)) {
            return verify(opened.content(), opened.size(), verifier, at, maximumBytes, memoryBytes);
        }
    }

    private static Release verify(
            InputStream in, long length, ReleaseVerifier verifier, Instant at, long maximumBytes, long memoryBytes)
            throws IOException, ModelRejectedException {
        byte[] head = ReleaseFile.head(in, length);
        ReleaseVerifier.Verified verified = verifier.verify(ReleaseFile.cms(head), at);
        Statement statement = verified.statement();
        long size = length - head.length;
        if (size < statement.size()) {
            throw new ModelRejectedException("release: cut off: " + size + " of " + statement.size()
                    + " bytes of the bundle are there; copy it again");
        }
        expect("size", size, statement.size());
        if (size > maximumBytes) {
            throw new ModelRejectedException("release: a bundle of " + size + " bytes, at most " + maximumBytes
                    + " are allowed, an eighth of the gateway's heap or maximumReleaseMiB; make the model smaller,"
                    + " or give the gateway a larger heap");
        }
        byte[] bundle = in.readNBytes((int) size);
        String digest = Names.sha256(bundle);
        expect("sha256", digest, statement.sha256());
        ModelBundle content = ModelBundle.read(bundle, maximumBytes, memoryBytes);
        expect("onnxSha256", Names.sha256(content.onnx()), statement.onnxSha256());
        expect("contractSha256", Names.sha256(content.contractJson()), statement.contractSha256());
        expect("name", content.contract().name(), statement.name());
        expect("version", content.contract().version(), statement.version());
        ModelIdentity identity = new ModelIdentity(
                statement.name(), statement.version(), statement.sequence(), digest, verified.signer());
        return new Release(
                Names.sha256(head, bundle),
                statement,
                identity,
                new ModelArtifact(identity, content.contract(), content.onnx()),
                content,
                head,
                bundle,
                List.of(
                        "RECEIVED " + length + " bytes, sha256 of the bundle " + digest,
                        "VERIFIED signer " + verified.signer() + " with " + verified.algorithms() + ", "
                                + statement.name() + " " + statement.version() + " sequence " + statement.sequence()
                                + ", opset " + content.opset() + ", "
                                + content.golden().cycles().size() + " golden cycles"));
    }

    /** What a swap needs of it, which may last for hours: neither the file nor golden vectors. */
    Release forSwap() {
        return new Release(id, statement, identity, artifact, content.withoutGolden(), head, new byte[0], evidence);
    }

    private static void expect(String what, Object found, Object stated) throws ModelRejectedException {
        if (!found.equals(stated)) {
            throw new ModelRejectedException(
                    "release: " + what + " of the bundle is " + found + ", the signed statement says " + stated
                            + "; the file was changed or belongs to another statement");
        }
    }

    /** Refuses a release before or after its time. */
    void checkTime(Instant now) throws ModelRejectedException {
        if (now.isBefore(statement.notBefore())) {
            throw new ModelRejectedException("release: not to be used before " + statement.notBefore()
                    + ", the gateway's clock says " + now + "; check the clock or wait");
        }
        if (statement.notAfter() != null && now.isAfter(statement.notAfter())) {
            throw new ModelRejectedException("release: not to be taken in after " + statement.notAfter()
                    + ", the gateway's clock says " + now + "; check the clock or have it signed again");
        }
    }
}
