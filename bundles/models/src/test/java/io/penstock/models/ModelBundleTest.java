// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.model.ModelRejectedException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarInputStream;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a model bundle may hold: data, in an archive no two readers read differently. */
class ModelBundleTest {
    private static final long LIMIT = 1 << 20;

    private static Map<String, byte[]> entries() throws ModelRejectedException {
        Map<String, byte[]> files = Samples.files("1.0.0", "ok");
        Map<String, byte[]> entries = new LinkedHashMap<>();
        entries.put(ModelBundle.MANIFEST, BundleManifest.write(Samples.contract(), 17));
        files.forEach((name, bytes) -> entries.put(ModelBundle.FOLDER + name, bytes));
        return entries;
    }

    private static byte[] with(String name, byte[] bytes) throws ModelRejectedException {
        Map<String, byte[]> entries = entries();
        entries.put(name, bytes);
        return ZipWriter.write(entries);
    }

    private static byte[] withManifest(String from, String to) throws ModelRejectedException {
        String manifest =
                new String(BundleManifest.write(Samples.contract(), 17), StandardCharsets.UTF_8).replace("\r\n ", "");
        String changed = manifest.replace(from, to);
        assertTrue(!changed.equals(manifest) || from.equals(to));
        return with(ModelBundle.MANIFEST, Samples.bytes(changed));
    }

    private static String refusal(byte[] bundle) {
        return assertThrows(ModelRejectedException.class, () -> ModelBundle.read(bundle, LIMIT))
                .getMessage();
    }

    // The central team could not make a bundle that gateways and the framework read.
    @Test
    void packedBundleIsReadByUsAndByJava() throws Exception {
        byte[] bundle = Samples.bundle("1.0.0", "ok");
        ModelBundle content = ModelBundle.read(bundle, LIMIT);
        assertEquals("coagulant-dose", content.contract().name());
        assertEquals(17, content.opset());
        assertEquals(2, content.golden().cycles().size());
        assertArrayEquals(bundle, Samples.bundle("1.0.0", "ok"));
        try (JarInputStream jar = new JarInputStream(new ByteArrayInputStream(bundle))) {
            assertEquals(
                    "io.penstock.model;model=\"coagulant-dose\";version:Version=\"1.0.0\"",
                    jar.getManifest().getMainAttributes().getValue("Provide-Capability"));
            assertEquals(
                    "io.penstock.inference;filter:=\"(&(format=onnx)(opset>=17))\","
                            + "io.penstock.operator;filter:=\"(operator=hampel)\"",
                    jar.getManifest().getMainAttributes().getValue("Require-Capability"));
        }
    }

    // A model could bring code into the gateway.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "PENSTOCK-INF/Evil.class",
                "Evil.class",
                "lib/evil.jar",
                "PENSTOCK-INF/libevil.so",
                "OSGI-INF/evil.xml",
                "META-INF/services/x.txt",
                "../evil.txt",
                "/etc/evil.txt",
                "PENSTOCK-INF/../../evil.txt",
                "PENSTOCK-INF\\evil.txt",
                "PENSTOCK-INF/",
                "penstock-inf/model.json"
            })
    void otherEntryNamesAreRefused(String name) throws Exception {
        assertTrue(refusal(with(name, new byte[] {1})).contains("is not allowed"));
    }

    // Code could travel under a harmless name.
    @Test
    void programsUnderHarmlessNamesAreRefused() throws Exception {
        assertTrue(refusal(with("PENSTOCK-INF/a.txt", new byte[] {(byte) 0xCA, (byte) 0xFE, (byte) 0xBA, (byte) 0xBE}))
                .contains("a Java class"));
        assertTrue(refusal(with("PENSTOCK-INF/a.csv", Samples.bundle("1.0.0", "ok")))
                .contains("an archive"));
        assertTrue(
                refusal(with("PENSTOCK-INF/a.md", Samples.bytes("\u007fELF"))).contains("a native library"));
    }

    // A model could start code, hook into the framework, or take part in class loading.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "Bundle-Activator: a.B",
                "Fragment-Host: system.bundle; extension:=framework",
                "ExtensionBundle-Activator: a.B",
                "Bundle-NativeCode: a.so",
                "DynamicImport-Package: *",
                "Import-Package: java.lang",
                "Export-Package: io.penstock.api.model",
                "Bundle-ClassPath: a.jar",
                "Service-Component: a.xml",
                "Require-Bundle: a",
                "Bundle-UpdateLocation: http://example.org",
                "Meta-Persistence: a",
                "Unknown: a"
            })
    void headersThatCouldRunCodeAreRefused(String header) throws Exception {
        String message = refusal(withManifest("Bundle-Name: Model coagulant-dose", header));
        assertTrue(message.contains("header '" + header.substring(0, header.indexOf(':'))), message);
    }

    // The framework could see another bundle than the one that was checked.
    @Test
    void manifestMustBeAboutTheContract() throws Exception {
        assertTrue(refusal(withManifest("Bundle-Version: 1.0.0", "Bundle-Version: 1.0.1"))
                .contains("must be '1.0.0', was '1.0.1'"));
        assertTrue(refusal(withManifest("model.coagulant-dose", "model.other")).contains("Bundle-SymbolicName"));
        assertTrue(refusal(withManifest("coagulant-dose\r\nBundle-V", "coagulant-dose;singleton:=true\r\nBundle-V"))
                .contains("Bundle-SymbolicName"));
        assertTrue(
                refusal(withManifest("(operator=hampel)", "(operator=median)")).contains("Require-Capability"));
        assertTrue(refusal(withManifest("opset>=17", "opset>=11")).contains("Require-Capability"));
        assertTrue(refusal(withManifest("Bundle-Name: Model coagulant-dose", "bundle-version: 2.0.0"))
                .contains("is not allowed"));
        assertTrue(refusal(withManifest("Bundle-Name: Model coagulant-dose", "Bundle-Version: 2.0.0"))
                .contains("comes twice"));
        assertTrue(
                refusal(withManifest("\r\n\r\n", "\r\n\r\nName: a\r\nX: y\r\n")).contains("section"));
    }

    // A bundle without golden vectors would go to work untried.
    @Test
    void missingEntriesAreRefused() throws Exception {
        for (String name : new String[] {"model.json", "model.onnx", "golden.json"}) {
            Map<String, byte[]> entries = entries();
            entries.remove(ModelBundle.FOLDER + name);
            assertTrue(refusal(ZipWriter.write(entries)).contains(name + " is missing"));
        }
        Map<String, byte[]> entries = entries();
        byte[] manifest = entries.remove(ModelBundle.MANIFEST);
        entries.put(ModelBundle.MANIFEST, manifest);
        assertTrue(refusal(ZipWriter.write(entries)).contains("must be the first entry"));
    }

    // Two readers could see two different models in one signed file.
    @Test
    void everyByteOfTheArchiveHasOneMeaning() throws Exception {
        byte[] bundle = Samples.bundle("1.0.0", "ok");
        assertTrue(refusal(Arrays.copyOf(bundle, bundle.length + 1)).contains("end record"));
        assertTrue(refusal(Arrays.copyOf(bundle, bundle.length - 1)).contains("end record"));
        byte[] before = new byte[bundle.length + 5];
        System.arraycopy(bundle, 0, before, 5, bundle.length);
        assertThrows(ModelRejectedException.class, () -> ModelBundle.read(before, LIMIT));
        // every single bit outside the contents is checked, apart from times and the version that made it
        int accepted = 0;
        for (int i = 0; i < bundle.length; i++) {
            byte[] changed = bundle.clone();
            changed[i] ^= 0x04;
            try {
                ModelBundle.read(changed, LIMIT);
                accepted++;
            } catch (ModelRejectedException e) {
                // as it should be
            }
        }
        assertTrue(accepted <= 2 * Samples.files("1.0.0", "ok").size() + 2, accepted + " changes went unnoticed");
    }

    // The framework could take the second of two entries with one name.
    @Test
    void duplicateEntriesAreRefused() throws Exception {
        byte[] bundle = with("PENSTOCK-INF/model.jso_.txt", entries().get(ModelBundle.CONTRACT));
        byte[] twice = new String(bundle, StandardCharsets.ISO_8859_1)
                .replace("PENSTOCK-INF/model.jso_.txt", "PENSTOCK-INF/aaaaaaaaaa.txt")
                .getBytes(StandardCharsets.ISO_8859_1);
        ModelBundle.read(twice, LIMIT);
        Map<String, byte[]> entries = entries();
        entries.put("PENSTOCK-INF/model.jsox", new byte[] {'{', '}'});
        byte[] renamed = new String(ZipWriter.write(entries), StandardCharsets.ISO_8859_1)
                .replace("PENSTOCK-INF/model.jsox", "PENSTOCK-INF/model.onnx")
                .getBytes(StandardCharsets.ISO_8859_1);
        assertTrue(refusal(renamed).contains("comes twice"));
    }

    // Archives of ordinary tools, with data descriptors and extra fields, would open the door for tricks.
    @Test
    void archivesOfOrdinaryToolsAreRefusedWithTheNextStep() throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, byte[]> entry : entries().entrySet()) {
                zip.putNextEntry(new ZipEntry(entry.getKey()));
                zip.write(entry.getValue());
            }
        }
        assertTrue(refusal(out.toByteArray()).contains("penstock model pack"));
    }

    // A few kilobytes could fill the gateway's memory.
    @Test
    void bombsAreRefused() throws Exception {
        byte[] large = new byte[900_000];
        assertTrue(refusal(deflated("PENSTOCK-INF/a.txt", large, large.length)).contains("200 to 1"));
        byte[] larger = new byte[2_000_000];
        assertTrue(
                refusal(deflated("PENSTOCK-INF/a.txt", larger, larger.length)).contains("at most 1048576"));
        byte[] liar = new byte[90_000];
        assertTrue(refusal(deflated("PENSTOCK-INF/a.txt", liar, 5)).contains("does not unpack to its 5 bytes"));
        Map<String, byte[]> entries = entries();
        for (int i = 0; i < 40; i++) {
            entries.put("PENSTOCK-INF/a" + i + ".txt", new byte[] {'a'});
        }
        assertTrue(refusal(ZipWriter.write(entries)).contains("1 to 32 are allowed"));
    }

    /** One deflated entry whose headers say it has {@code size} bytes. */
    private static byte[] deflated(String name, byte[] plain, int size) {
        Deflater deflater = new Deflater(9, true);
        deflater.setInput(plain);
        deflater.finish();
        byte[] packed = new byte[plain.length + 100];
        int length = deflater.deflate(packed);
        deflater.end();
        CRC32 crc = new CRC32();
        crc.update(plain);
        byte[] archive = ZipWriter.write(Map.of(name, Arrays.copyOf(packed, length)));
        ByteBuffer buffer = ByteBuffer.wrap(archive).order(ByteOrder.LITTLE_ENDIAN);
        int central = 30 + name.length() + length;
        for (int at : new int[] {8, central + 10}) { // method, then checksum and unpacked size
            buffer.putShort(at, (short) 8).putInt(at + 6, (int) crc.getValue()).putInt(at + 14, size);
        }
        return archive;
    }

    // Golden vectors of a week would take twenty times their size of memory when they are read, and end the gateway.
    @Test
    void largeJsonIsRefusedUnread() throws Exception {
        byte[] large = new byte[(2 << 20) + 1];
        Arrays.fill(large, (byte) ' ');
        byte[] bundle = with(ModelBundle.GOLDEN, large);
        String message = assertThrows(ModelRejectedException.class, () -> ModelBundle.read(bundle, 8 << 20))
                .getMessage();
        assertTrue(message.contains("golden.json' has 2097153 bytes, at most 2097152 are allowed"), message);
    }

    // Two megabytes of brackets become a hundred on the heap, beside a large graph more than there is.
    @Test
    void jsonThatUnfoldsIsRefusedBeforeItDoes() throws Exception {
        for (String part : List.of("[],", "{},", "{\"a\":1},", "1,", "\"\",")) {
            String text = "{\"cycles\":[" + part.repeat((1 << 20) / part.length());
            byte[] golden = Samples.bytes(text.substring(0, text.length() - 1) + "]}");
            byte[] bundle = with(ModelBundle.GOLDEN, golden);
            long memory = (long) bundle.length + golden.length + (4 << 20);
            String message = assertThrows(ModelRejectedException.class, () -> ModelBundle.read(bundle, 8 << 20, memory))
                    .getMessage();
            assertTrue(message.startsWith("golden.json: more than "), message);
            assertTrue(message.contains("give the gateway a larger heap"), message);
        }
        ModelBundle.read(Samples.bundle("1.0.0", "ok"), 8 << 20, 0); // a small one is read beside the largest graph
    }

    // Deflated bundles of other tools that keep to the form would be refused without need.
    @Test
    void deflatedEntriesAreRead() throws Exception {
        byte[] plain = Samples.bytes("some text, some text, some text");
        Map<String, byte[]> read = ZipReader.read(deflated("a", plain, plain.length), LIMIT, "a"::equals, "");
        assertArrayEquals(plain, read.get("a"));
    }

    // On a file system that does not tell case apart one document would stand in for the other.
    @Test
    void namesThatDifferInCaseOnlyAreRefused() throws Exception {
        assertTrue(refusal(with("PENSTOCK-INF/MODEL.json", Samples.bytes("{}"))).contains("lower case only"));
    }

    // Who inspects a stranger's bundle would let it steer the terminal.
    @Test
    void refusalsHoldNoControlCharacters() throws Exception {
        String escape = refusal(withManifest("(operator=hampel)", "(operator=\u001b[2J" + "x".repeat(5_000) + ")"));
        assertTrue(escape.length() < 1_000 && escape.indexOf('\u001b') < 0, escape);
        String twice = refusal(with(ModelBundle.CONTRACT, Samples.bytes("{\"\\u001b[2J\":1,\"\\u001b[2J\":1}")));
        assertTrue(twice.contains("Duplicate") && twice.indexOf('\u001b') < 0, twice);
    }

    // A file that is no ONNX would reach the native runtime.
    @Test
    void onnxWithoutOperatorSetIsRefused() throws Exception {
        assertTrue(refusal(with(ModelBundle.ONNX, new byte[] {0x08, 0x08})).contains("operator set"));
        assertTrue(
                refusal(with(ModelBundle.ONNX, new byte[] {0x42, 0x7F, 0x00})).contains("no ONNX file"));
        assertTrue(refusal(with(ModelBundle.ONNX, Samples.bytes("hello"))).contains("model.onnx"));
    }
}
