// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.Test;

/** Rooms know one another only through the api, and there is one way to write. */
public class HouseIT {
    private static final Pattern VERSIONED = Pattern.compile("(.+?)-(\\d.*)\\.jar");

    private static List<Path> shipped() throws IOException {
        try (Stream<Path> files = Files.list(Shipped.distribution().resolve("system"))) {
            return files.filter(f -> f.getFileName().toString().matches("io\\.penstock\\..*\\.jar"))
                    .sorted()
                    .toList();
        }
    }

    private static Set<String> rooms() throws IOException {
        return shipped().stream()
                .map(f -> f.getFileName().toString().replaceFirst("-\\d.*", ""))
                .filter(name -> !name.equals("io.penstock.api"))
                .collect(Collectors.toSet());
    }

    // A room could not be replaced any more without the others, or a value could reach the plant past the guards.
    @Test
    public void shippedRoomsKeepTheRules() throws IOException {
        assertTrue(rooms().toString(), rooms().size() >= 12);
        Set<String> breaches = new TreeSet<>();
        for (Path jar : shipped()) {
            breaches.addAll(House.breaches(jar, rooms()));
        }
        assertEquals(Set.of(), breaches);
    }

    // The check above would pass whatever was built.
    @Test
    public void aBadBundleIsFound() throws IOException {
        Map<String, byte[]> classes = compile(Map.of(
                "io.penstock.publication.opcua.inner.Server",
                "package io.penstock.publication.opcua.inner; public class Server {}",
                "org.eclipse.milo.Client",
                "package org.eclipse.milo; public class Client {}",
                "io.penstock.models.Copied",
                "package io.penstock.models; class Copied {}",
                "io.penstock.kit.Small",
                "package io.penstock.kit; class Small {}",
                "io.penstock.kit.Arrow",
                "package io.penstock.kit; class Arrow { io.penstock.api.data.TagId tag; }",
                "io.penstock.kit.faults.Shipped",
                "package io.penstock.kit.faults; class Shipped {}",
                "io.penstock.pipeline.Shortcut",
                "package io.penstock.pipeline; public class Shortcut {"
                        + " Object server = new io.penstock.publication.opcua.inner.Server();"
                        + " Object client = new org.eclipse.milo.Client();"
                        + " void move(io.penstock.api.actuation.TagWriter writer) {"
                        + " writer.write(new io.penstock.api.data.TagId(\"SP\"), 1, 1); } }",
                "io.penstock.pipeline.SideDoor",
                "package io.penstock.pipeline; class SideDoor {"
                        + " interface Move { Object by(io.penstock.api.data.TagId tag, double value, long deadline); }"
                        + " Move move(io.penstock.api.actuation.TagWriter writer) { return writer::write; } }"));
        classes.remove("io.penstock.publication.opcua.inner.Server");
        classes.remove("org.eclipse.milo.Client");
        assertEquals(
                Set.of(
                        "io.penstock.kit uses io.penstock.api.data in io.penstock.kit.Arrow",
                        "io.penstock.pipeline calls TagWriter.write in io.penstock.pipeline.Shortcut",
                        "io.penstock.pipeline calls TagWriter.write in io.penstock.pipeline.SideDoor",
                        "io.penstock.pipeline exports io.penstock.kit",
                        "io.penstock.pipeline exports io.penstock.pipeline",
                        "io.penstock.pipeline has DynamicImport-Package *",
                        "io.penstock.pipeline holds io.penstock.kit.faults.Shipped",
                        "io.penstock.pipeline holds io.penstock.models.Copied",
                        "io.penstock.pipeline imports io.penstock.kit, which no bundle exports; let the build copy it",
                        "io.penstock.pipeline uses io.penstock.publication.opcua.inner in io.penstock.pipeline.Shortcut",
                        "io.penstock.pipeline uses org.eclipse.milo in io.penstock.pipeline.Shortcut"),
                House.breaches(
                        jar(
                                Map.of(
                                        "Bundle-SymbolicName",
                                        "io.penstock.pipeline",
                                        "Export-Package",
                                        "io.penstock.pipeline;version=\"1.0.0\";uses:=\"a,b\",io.penstock.kit;version=\"1.0.0\"",
                                        "Import-Package",
                                        "org.slf4j;version=\"[2,3)\",io.penstock.kit",
                                        "DynamicImport-Package",
                                        "*"),
                                classes),
                        rooms()));

        Map<String, byte[]> api = compile(
                Map.of(
                        "io.penstock.api.data.Leak",
                        "package io.penstock.api.data; public interface Leak { com.tngtech.archunit.core.domain.JavaClass type(); }"));
        assertEquals(
                Set.of(
                        "api uses com.tngtech.archunit.core.domain in io.penstock.api.data.Leak",
                        "io.penstock.api exports io.penstock.api.data without a version"),
                House.breaches(
                        jar(
                                Map.of(
                                        "Bundle-SymbolicName",
                                        "io.penstock.api",
                                        "Export-Package",
                                        "io.penstock.api.data"),
                                api),
                        rooms()));
    }

    // A site that looks for a vulnerable library would not find it, or a lawyer its licence.
    @Test
    public void whatIsShippedIsNamed() throws IOException {
        Set<String> libraries = new TreeSet<>();
        try (Stream<Path> files = Files.list(Shipped.distribution().resolve("system"))) {
            for (Path jar : files.filter(f -> f.toString().endsWith(".jar")).toList()) {
                libraries.add(jar.getFileName().toString());
                try (JarFile file = new JarFile(jar.toFile())) {
                    file.stream()
                            .map(JarEntry::getName)
                            .filter(name -> name.endsWith(".jar"))
                            .forEach(libraries::add);
                }
            }
        }
        libraries.removeIf(name -> name.startsWith("io.penstock."));
        assertTrue(libraries.toString(), libraries.size() > 40);
        String components = Files.readString(Shipped.distribution().resolve("sbom.cdx.json"));
        String licences = Files.readString(Shipped.distribution().resolve("THIRD-PARTY.txt"));
        Set<String> missing = new TreeSet<>();
        // these lie unpacked in inference.onnx and without their version in lib/
        for (String name : List.of("onnxruntime", "picocli", "org.apache.felix.main")) {
            if (!components.contains("/" + name + "@") || !licences.contains(":" + name + ":")) {
                missing.add(name);
            }
        }
        for (String library : libraries) {
            Matcher parts = VERSIONED.matcher(library);
            assertTrue(library, parts.matches());
            if (!components.contains("/" + parts.group(1) + "@" + parts.group(2) + "?")) {
                missing.add(library + " in sbom.cdx.json");
            }
            if (!licences.contains(":" + parts.group(1) + ":" + parts.group(2) + " ")) {
                missing.add(library + " in THIRD-PARTY.txt");
            }
        }
        assertEquals(Set.of(), missing);
    }

    private static Path jar(Map<String, String> headers, Map<String, byte[]> classes) throws IOException {
        Manifest manifest = new Manifest();
        Attributes attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        headers.forEach(attributes::putValue);
        Path jar = Files.createTempFile("bad", ".jar");
        jar.toFile().deleteOnExit();
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out, manifest)) {
            for (Map.Entry<String, byte[]> type : classes.entrySet()) {
                entries.putNextEntry(new JarEntry(type.getKey().replace('.', '/') + ".class"));
                entries.write(type.getValue());
                entries.closeEntry();
            }
        }
        return jar;
    }

    private static Map<String, byte[]> compile(Map<String, String> sources) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        Map<String, ByteArrayOutputStream> made = new HashMap<>();
        try (StandardJavaFileManager standard = compiler.getStandardFileManager(null, null, null);
                var manager = new ForwardingJavaFileManager<StandardJavaFileManager>(standard) {
                    @Override
                    public JavaFileObject getJavaFileForOutput(
                            Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
                        return new SimpleJavaFileObject(URI.create("memory:///" + name), kind) {
                            @Override
                            public OutputStream openOutputStream() {
                                return made.computeIfAbsent(name, key -> new ByteArrayOutputStream());
                            }
                        };
                    }
                }) {
            List<SimpleJavaFileObject> units = sources.entrySet().stream()
                    .map(source -> source(source.getKey(), source.getValue()))
                    .toList();
            List<String> options = List.of("-proc:none", "-classpath", classPath(), "--release", "17", "-nowarn");
            assertTrue(
                    compiler.getTask(null, manager, null, options, null, units).call());
        }
        Map<String, byte[]> classes = new HashMap<>();
        made.forEach((name, bytes) -> classes.put(name, bytes.toByteArray()));
        return classes;
    }

    /** Where the classes come from; the class path itself may be hidden in a manifest. */
    private static String classPath() {
        return Stream.of(io.penstock.api.actuation.TagWriter.class, com.tngtech.archunit.core.domain.JavaClass.class)
                .map(type -> Path.of(URI.create(type.getProtectionDomain()
                                .getCodeSource()
                                .getLocation()
                                .toString()))
                        .toString())
                .collect(Collectors.joining(java.io.File.pathSeparator));
    }

    private static SimpleJavaFileObject source(String name, String code) {
        return new SimpleJavaFileObject(
                URI.create("memory:///" + name.replace('.', '/') + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return code;
            }
        };
    }
}
