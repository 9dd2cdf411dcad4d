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
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
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
                "io.penstock.publication.opcua.Server",
                "package io.penstock.publication.opcua; public class Server {}",
                "io.penstock.pipeline.Shortcut",
                "package io.penstock.pipeline; public class Shortcut {"
                        + " Object server = new io.penstock.publication.opcua.Server();"
                        + " void move(io.penstock.api.actuation.TagWriter writer) {"
                        + " writer.write(new io.penstock.api.data.TagId(\"SP\"), 1, 1); } }"));
        classes.remove("io.penstock.publication.opcua.Server");
        assertEquals(
                Set.of(
                        "io.penstock.pipeline calls TagWriter.write in io.penstock.pipeline.Shortcut",
                        "io.penstock.pipeline exports io.penstock.pipeline",
                        "io.penstock.pipeline uses io.penstock.publication.opcua in io.penstock.pipeline.Shortcut"),
                House.breaches(
                        jar("io.penstock.pipeline", "io.penstock.pipeline;version=\"1.0.0\"", classes), rooms()));

        Map<String, byte[]> api = compile(
                Map.of(
                        "io.penstock.api.data.Leak",
                        "package io.penstock.api.data; public interface Leak { com.tngtech.archunit.core.domain.JavaClass type(); }"));
        assertEquals(
                Set.of("api uses com.tngtech.archunit.core.domain in io.penstock.api.data.Leak"),
                House.breaches(jar("io.penstock.api", "io.penstock.api.data;version=\"1.0.0\"", api), rooms()));
    }

    private static Path jar(String name, String exports, Map<String, byte[]> classes) throws IOException {
        Manifest manifest = new Manifest();
        Attributes attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        attributes.putValue("Bundle-SymbolicName", name);
        attributes.putValue("Export-Package", exports);
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
