// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.model.ModelRejectedException;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.sec.SECNamedCurves;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A release has one form. Had a second one passed, a stranger could have made a new release out of an old one without any key,
 * and have had it tried, counted and stored beside the first.
 */
final class ReleaseFormTest {
    /** One element of the encoding; {@code children} are null where it is primitive. */
    private static final class Element {
        final int tag;
        byte[] content = {};
        List<Element> children;

        Element(int tag) {
            this.tag = tag;
        }

        Element copy() {
            Element copy = new Element(tag);
            copy.content = content;
            copy.children = children == null
                    ? null
                    : new ArrayList<>(children.stream().map(Element::copy).toList());
            return copy;
        }

        void collect(List<Element> all) {
            all.add(this);
            if (children != null) {
                children.forEach(child -> child.collect(all));
            }
        }
    }

    /** How one element is written otherwise than DER says. */
    private enum Form {
        DER,
        LONG_LENGTH,
        LONGER_LENGTH,
        INDEFINITE,
        IN_PIECES
    }

    private static byte[] cms;
    private static byte[] bundle;
    private static ReleaseVerifier verifier;

    @BeforeAll
    static void sign() throws Exception {
        Keys science = Keys.p256();
        Keys plant = Keys.of("ed25519", "Plant");
        bundle = Samples.bundle("1.0.0", "ok");
        ReleaseFile file = ReleaseSigner.sign(
                bundle, 1, List.of("*"), java.time.Instant.EPOCH, null, List.of(science.signer(), plant.signer()));
        cms = file.cms();
        verifier = new ReleaseVerifier(
                new TrustStore(java.nio.file.Path.of("trust"), List.of(science.authority, plant.authority), List.of()),
                List.of(),
                false);
        verifier.verify(cms, Keys.NOW);
    }

    private static Element parse(byte[] bytes, int[] at) {
        Element element = new Element(bytes[at[0]++] & 0xFF);
        int length = bytes[at[0]++] & 0xFF;
        if (length > 0x80) {
            int count = length & 0x7F;
            length = 0;
            for (int i = 0; i < count; i++) {
                length = (length << 8) | (bytes[at[0]++] & 0xFF);
            }
        }
        int end = at[0] + length;
        if ((element.tag & 0x20) != 0) {
            element.children = new ArrayList<>();
            while (at[0] < end) {
                element.children.add(parse(bytes, at));
            }
        } else {
            element.content = Arrays.copyOfRange(bytes, at[0], end);
            at[0] = end;
        }
        return element;
    }

    private static byte[] encode(Element element, Element odd, Form form) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        int tag = element.tag;
        boolean here = element == odd;
        if (element.children == null) {
            if (here && form == Form.IN_PIECES) {
                tag |= 0x20;
                int middle = element.content.length / 2;
                Element first = new Element(element.tag);
                first.content = Arrays.copyOf(element.content, middle);
                Element second = new Element(element.tag);
                second.content = Arrays.copyOfRange(element.content, middle, element.content.length);
                content.writeBytes(encode(first, null, Form.DER));
                content.writeBytes(encode(second, null, Form.DER));
            } else {
                content.writeBytes(element.content);
            }
        } else {
            element.children.forEach(child -> content.writeBytes(encode(child, odd, form)));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        int length = content.size();
        if (here && form == Form.INDEFINITE) {
            out.write(0x80);
            out.writeBytes(content.toByteArray());
            out.write(0);
            out.write(0);
            return out.toByteArray();
        }
        int bytes = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 3;
        if (here && form == Form.LONG_LENGTH) {
            bytes++;
        } else if (here && form == Form.LONGER_LENGTH) {
            bytes = 4;
        }
        if (bytes == 0) {
            out.write(length);
        } else {
            out.write(0x80 | bytes);
            for (int i = bytes - 1; i >= 0; i--) {
                out.write(length >> (8 * i));
            }
        }
        out.writeBytes(content.toByteArray());
        return out.toByteArray();
    }

    private static void refused(byte[] mutant, String what) {
        assertThrows(
                ModelRejectedException.class,
                () -> Release.verify(new ReleaseFile(mutant, bundle).toBytes(), verifier, Keys.NOW, 1 << 20),
                what);
    }

    @Test
    void noElementCanBeThereTwiceElsewhereOrNotAtAll() {
        Element root = parse(cms, new int[1]);
        assertArrayEquals(cms, encode(root, null, Form.DER), "the reader of this test reads what it writes");
        List<Element> all = new ArrayList<>();
        root.collect(all);
        TreeMap<String, Integer> tried = new TreeMap<>();
        for (int i = 0; i < all.size(); i++) {
            int count = all.get(i).children == null ? 0 : all.get(i).children.size();
            for (int child = 0; child < count; child++) {
                for (String act : List.of("twice", "twice at the end", "removed", "swapped", "first", "with NULL")) {
                    Element copy = root.copy();
                    List<Element> copies = new ArrayList<>();
                    copy.collect(copies);
                    List<Element> children = copies.get(i).children;
                    Element subject = children.get(child);
                    switch (act) {
                        case "twice" -> children.add(child, subject.copy());
                        case "twice at the end" -> children.add(subject.copy());
                        case "removed" -> children.remove(child);
                        case "swapped" -> Collections.swap(children, child, (child + 1) % count);
                        case "first" -> children.add(0, children.remove(child));
                        default -> children.add(child, new Element(0x05));
                    }
                    byte[] mutant = encode(copy, null, Form.DER);
                    if (!Arrays.equals(mutant, cms)) {
                        refused(mutant, "child " + child + " of element " + i + " " + act);
                        tried.merge(act, 1, Integer::sum);
                    }
                }
            }
        }
        assertTrue(tried.values().stream().allMatch(n -> n > 40), tried.toString());
    }

    @Test
    void noElementCanBeEncodedOtherwise() {
        Element root = parse(cms, new int[1]);
        List<Element> all = new ArrayList<>();
        root.collect(all);
        int tried = 0;
        for (Element element : all) {
            for (Form form : Form.values()) {
                byte[] mutant = encode(root, element, form);
                if (!Arrays.equals(mutant, cms)) {
                    refused(mutant, "element " + all.indexOf(element) + " in form " + form);
                    tried++;
                }
            }
        }
        assertTrue(tried > 3 * all.size(), "tried " + tried);
        for (byte[] tail : new byte[][] {{0}, {5, 0}, {0x30, 0}, cms}) {
            byte[] longer = Arrays.copyOf(cms, cms.length + tail.length);
            System.arraycopy(tail, 0, longer, cms.length, tail.length);
            refused(longer, "with a tail of " + tail.length);
        }
    }

    // (r, s) and (r, n - s) are both good; without a rule everybody makes the second out of the first.
    @ParameterizedTest
    @ValueSource(strings = {"p256", "p384"})
    void theOtherSignatureOfThePairIsRefused(String algorithm) throws Exception {
        Keys keys = Keys.of(algorithm, "Data science");
        byte[] one = Samples.release(keys, "1.0.0", 1, "ok").cms();
        BigInteger order = SECNamedCurves.getByName(algorithm.equals("p256") ? "secp256r1" : "secp384r1")
                .getN();
        Element root = parse(one, new int[1]);
        List<Element> all = new ArrayList<>();
        root.collect(all);
        Element signature = all.get(all.size() - 1);
        assertEquals(0x04, signature.tag, "the signature is the last element");
        ASN1Sequence pair = ASN1Sequence.getInstance(signature.content);
        BigInteger s = ASN1Integer.getInstance(pair.getObjectAt(1)).getValue();
        assertTrue(s.compareTo(order.subtract(s)) < 0, "signed with the lower one");
        ASN1EncodableVector other = new ASN1EncodableVector();
        other.add(pair.getObjectAt(0));
        other.add(new ASN1Integer(order.subtract(s)));
        signature.content = new DERSequence(other).getEncoded();
        byte[] mutant = encode(root, null, Form.DER);
        ReleaseVerifier trusting = new ReleaseVerifier(keys.trust(), List.of(), false);
        trusting.verify(one, Keys.NOW);
        String message = assertThrows(ModelRejectedException.class, () -> trusting.verify(mutant, Keys.NOW))
                .getMessage();
        assertTrue(message.contains("a signature is not in its one form; make the release with"), message);
    }

    // What differs is named, or a team whose tool signs otherwise looks for it for days.
    @Test
    void whatDiffersIsNamed() throws Exception {
        Element root = parse(cms, new int[1]);
        Element data = root.children.get(1).children.get(0);
        Element certificates = data.children.get(3);
        assertEquals(0xA0, certificates.tag);
        certificates.children.add(certificates.children.get(1).copy());
        byte[] twice = encode(root, null, Form.DER);
        String message = assertThrows(ModelRejectedException.class, () -> verifier.verify(twice, Keys.NOW))
                .getMessage();
        assertEquals(
                "signature: its encoding is not the one that is signed: a certificate is there twice, or something that"
                        + " is none; make the release with 'penstock model sign'",
                message);
    }
}
