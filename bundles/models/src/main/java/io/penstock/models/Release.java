// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelArtifact;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
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
        byte[] bundle,
        List<String> evidence) {
    Release {
        evidence = List.copyOf(evidence);
    }

    /**
     * Verifies signature, digest, bundle and that they speak of the same thing, in this order: nothing is parsed before the
     * statement over its bytes has been verified.
     *
     * @param at when the chain must be valid.
     */
    static Release verify(byte[] file, ReleaseVerifier verifier, Instant at, long maximumBytes)
            throws ModelRejectedException {
        ReleaseFile parts = ReleaseFile.parse(file);
        byte[] bundle = parts.bundle();
        String digest = Names.sha256(bundle);
        ReleaseVerifier.Verified verified = verifier.verify(parts.cms(), at);
        Statement statement = verified.statement();
        if (bundle.length < statement.size()) {
            throw new ModelRejectedException("release: cut off: " + bundle.length + " of " + statement.size()
                    + " bytes of the bundle are there; copy it again");
        }
        expect("size", (long) bundle.length, statement.size());
        expect("sha256", digest, statement.sha256());
        ModelBundle content = ModelBundle.read(bundle, maximumBytes);
        expect("onnxSha256", Names.sha256(content.onnx()), statement.onnxSha256());
        expect("contractSha256", Names.sha256(content.contractJson()), statement.contractSha256());
        expect("name", content.contract().name(), statement.name());
        expect("version", content.contract().version(), statement.version());
        ModelIdentity identity = new ModelIdentity(
                statement.name(), statement.version(), statement.sequence(), digest, verified.signer());
        return new Release(
                Names.sha256(file),
                statement,
                identity,
                new ModelArtifact(identity, content.contract(), content.onnx()),
                content,
                bundle,
                List.of(
                        "RECEIVED " + file.length + " bytes, sha256 of the bundle " + digest,
                        "VERIFIED signer " + verified.signer() + " with " + verified.algorithms() + ", "
                                + statement.name() + " " + statement.version() + " sequence " + statement.sequence()
                                + ", opset " + content.opset() + ", "
                                + content.golden().cycles().size() + " golden cycles"));
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
