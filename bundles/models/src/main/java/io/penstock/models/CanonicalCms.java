// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelRejectedException;
import java.io.IOException;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Collection;
import java.util.Objects;
import java.util.TreeSet;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1Set;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.cms.Attribute;
import org.bouncycastle.asn1.cms.AttributeTable;
import org.bouncycastle.asn1.cms.CMSAttributes;
import org.bouncycastle.asn1.cms.CMSObjectIdentifiers;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.cms.SignedData;
import org.bouncycastle.asn1.cms.SignerInfo;
import org.bouncycastle.asn1.sec.SECNamedCurves;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.jspecify.annotations.Nullable;

/**
 * The one encoding of the signed statement of a release: a signature says nothing of most of a CMS, and a release is known by
 * its bytes, so whatever could be said in two ways would make two releases of one. Made by the signer, demanded by the
 * verifier. Stateless.
 */
final class CanonicalCms {
    private CanonicalCms() {}

    /** @throws IOException if it is no signed data. */
    static byte[] of(ContentInfo info) throws IOException {
        SignedData data = SignedData.getInstance(info.getContent());
        return new ContentInfo(
                        CMSObjectIdentifiers.signedData,
                        new SignedData(
                                digests(data),
                                data.getEncapContentInfo(),
                                certificates(data),
                                null,
                                sorted(signers(data))))
                .getEncoded(ASN1Encoding.DER);
    }

    /** @throws ModelRejectedException naming the part that is not in its one form. */
    static void check(byte[] cms) throws ModelRejectedException {
        String part;
        try {
            part = deviation(cms);
        } catch (IOException | RuntimeException e) { // what Bouncy Castle throws at what is not where it belongs
            throw new ModelRejectedException("signature: its encoding is damaged; copy or sign the release again", e);
        }
        if (part != null) {
            throw new ModelRejectedException("signature: its encoding is not the one that is signed: " + part
                    + "; make the release with 'penstock model sign'");
        }
    }

    private static @Nullable String deviation(byte[] cms) throws IOException {
        if (!Arrays.equals(ASN1Primitive.fromByteArray(cms).getEncoded(ASN1Encoding.DER), cms)) {
            return "it is not plain DER";
        }
        ContentInfo info = ContentInfo.getInstance(cms);
        if (!info.getContentType().equals(CMSObjectIdentifiers.signedData)) {
            return "its content is of type " + info.getContentType();
        }
        SignedData data = SignedData.getInstance(info.getContent());
        if (!data.getVersion().hasValue(1)
                || !data.getEncapContentInfo().getContentType().equals(CMSObjectIdentifiers.data)) {
            return "its version is " + data.getVersion() + ", its statement of type "
                    + data.getEncapContentInfo().getContentType();
        }
        if (data.getCRLs() != null) {
            return "it carries revocation lists";
        }
        for (ASN1Encodable each : data.getSignerInfos()) {
            SignerInfo signer = SignerInfo.getInstance(each);
            if (!signer.getVersion().hasValue(1)) {
                return "a signer is named by a key identifier";
            }
            if (signer.getUnauthenticatedAttributes() != null) {
                return "a signer has attributes that are not signed";
            }
            if (!isPlain(signer.getAuthenticatedAttributes())) {
                return "a signer has other attributes than type, digest and algorithms of the statement";
            }
            if (signer.getDigestAlgorithm().getParameters() != null) {
                return "a digest algorithm has parameters";
            }
            if (!signer.getEncryptedDigest().equals(signature(signer))) {
                return "a signature is not in its one form";
            }
        }
        if (!sorted(signers(data)).equals(data.getSignerInfos())) {
            return "a signer is there twice";
        }
        if (!digests(data).equals(data.getDigestAlgorithms())) {
            return "its digest algorithms are not those of its signers, each once";
        }
        if (!Objects.equals(certificates(data), data.getCertificates())) {
            return "a certificate is there twice, or something that is none";
        }
        return Arrays.equals(of(info), cms) ? null : "a part of it has another form";
    }

    private static boolean isPlain(@Nullable ASN1Set attributes) {
        if (attributes == null || attributes.size() != 3) {
            return false;
        }
        AttributeTable table = new AttributeTable(attributes);
        for (Attribute attribute : new Attribute[] {
            table.get(CMSAttributes.contentType),
            table.get(CMSAttributes.messageDigest),
            table.get(CMSAttributes.cmsAlgorithmProtect)
        }) {
            if (attribute == null || attribute.getAttrValues().size() != 1) {
                return false;
            }
        }
        return true;
    }

    private static ASN1Set digests(SignedData data) throws IOException {
        ASN1EncodableVector digests = new ASN1EncodableVector();
        for (ASN1Encodable each : data.getSignerInfos()) {
            digests.add(new AlgorithmIdentifier(
                    SignerInfo.getInstance(each).getDigestAlgorithm().getAlgorithm()));
        }
        return sorted(digests);
    }

    private static @Nullable ASN1Set certificates(SignedData data) throws IOException {
        if (data.getCertificates() == null) {
            return null;
        }
        ASN1EncodableVector certificates = new ASN1EncodableVector();
        for (ASN1Encodable each : data.getCertificates()) {
            certificates.add(Certificate.getInstance(each));
        }
        return sorted(certificates);
    }

    private static ASN1EncodableVector signers(SignedData data) {
        ASN1EncodableVector signers = new ASN1EncodableVector();
        for (ASN1Encodable each : data.getSignerInfos()) {
            SignerInfo signer = SignerInfo.getInstance(each);
            signers.add(new SignerInfo(
                    signer.getSID(),
                    new AlgorithmIdentifier(signer.getDigestAlgorithm().getAlgorithm()),
                    signer.getAuthenticatedAttributes(),
                    signer.getDigestEncryptionAlgorithm(),
                    signature(signer),
                    null));
        }
        return signers;
    }

    /** Each once. */
    private static ASN1Set sorted(ASN1EncodableVector elements) throws IOException {
        Collection<byte[]> encoded = new TreeSet<>(Arrays::compareUnsigned);
        for (int i = 0; i < elements.size(); i++) {
            encoded.add(elements.get(i).toASN1Primitive().getEncoded(ASN1Encoding.DER));
        }
        ASN1EncodableVector once = new ASN1EncodableVector();
        for (byte[] each : encoded) {
            once.add(ASN1Primitive.fromByteArray(each));
        }
        return new DERSet(once);
    }

    /** Of (r, s) and (r, n - s), which are equally good and which anybody can turn into each other, the one with the lower s. */
    private static ASN1OctetString signature(SignerInfo signer) {
        byte[] signature = signer.getEncryptedDigest().getOctets();
        var algorithm = signer.getDigestEncryptionAlgorithm().getAlgorithm();
        BigInteger order;
        if (algorithm.equals(X9ObjectIdentifiers.ecdsa_with_SHA256)) {
            order = SECNamedCurves.getByOID(SECObjectIdentifiers.secp256r1).getN();
        } else if (algorithm.equals(X9ObjectIdentifiers.ecdsa_with_SHA384)) {
            order = SECNamedCurves.getByOID(SECObjectIdentifiers.secp384r1).getN();
        } else {
            return new DEROctetString(signature);
        }
        ASN1Sequence pair = ASN1Sequence.getInstance(signature);
        BigInteger s = ASN1Integer.getInstance(pair.getObjectAt(1)).getValue();
        ASN1EncodableVector low = new ASN1EncodableVector();
        low.add(ASN1Integer.getInstance(pair.getObjectAt(0)));
        low.add(new ASN1Integer(s.min(order.subtract(s))));
        try {
            return new DEROctetString(new DERSequence(low).getEncoded(ASN1Encoding.DER));
        } catch (IOException e) {
            throw new IllegalStateException(e); // of two numbers in memory
        }
    }
}
