// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.ops4j.pax.exam.CoreOptions.bundle;
import static org.ops4j.pax.exam.CoreOptions.cleanCaches;
import static org.ops4j.pax.exam.CoreOptions.composite;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.junitBundles;
import static org.ops4j.pax.exam.CoreOptions.systemProperty;

import io.penstock.peers.PeerProcess;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.ops4j.pax.exam.Option;

/** The shipped distribution as options of Pax Exam: what is tested is what is shipped. Used by the driver only. */
final class Shipped {
    private static final String AUTO_START = "felix.auto.start.";
    private static final Pattern QUOTED = Pattern.compile("\"([^\"]+)\"");
    private static final List<String> OF_THE_TEST = List.of(
            "org.osgi.framework.storage",
            "org.osgi.framework.storage.clean",
            "org.osgi.framework.startlevel.beginning");

    private Shipped() {}

    static Path distribution() {
        return Path.of(System.getProperty("penstock.distribution"))
                .toAbsolutePath()
                .normalize();
    }

    /** A fresh home, laid out as {@code bin/penstock-gateway} would. */
    static Path newHome(String name) {
        try {
            Path home = newFolder(name);
            for (String folder : List.of("etc/tags", "etc/trust/models", "releases", "data/temp", "log")) {
                Files.createDirectories(home.resolve(folder));
            }
            Files.copy(distribution().resolve("etc/logback.xml"), home.resolve("etc/logback.xml"));
            return home;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A home with a component of each kind: the templates of {@code config/}, whose plant nobody answers for, and a port of this
     * run for the results.
     */
    static Path newConfiguredHome(String name) throws IOException {
        Path home = newHome(name);
        try (DirectoryStream<Path> templates =
                Files.newDirectoryStream(distribution().resolve("config"), "*.cfg.json")) {
            for (Path template : templates) {
                Files.writeString(
                        home.resolve("etc").resolve(template.getFileName()),
                        Files.readString(template)
                                .replace("\"port\": 4840", "\"port\": " + PeerProcess.freePort())
                                .replace("192.0.2.", "127.0.0."));
            }
        }
        Path tags = distribution().resolve("config/demo/tags");
        Files.copy(tags.resolve("plc.csv"), home.resolve("etc/tags/plc1.csv"));
        Files.copy(tags.resolve("opcua.csv"), home.resolve("etc/tags/server1.csv"));
        Files.createFile(
                home.resolve("etc/server1.password"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(home.resolve("etc/server1.password"), "of no server");
        return home;
    }

    /** The same folder behind a symbolic link. */
    static Path linked(Path home) {
        try {
            return Files.createSymbolicLink(home.resolveSibling(home.getFileName() + " link"), home);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An empty folder of this run. */
    static Path newFolder(String name) {
        try {
            Path homes = Files.createDirectories(Path.of(System.getProperty("penstock.homes")));
            return Files.createTempDirectory(homes, name + "-").toRealPath();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All shipped bundles at their start levels and all framework properties, with this home. */
    static Option gateway(Path home) {
        Properties shipped = read();
        List<Option> options = new ArrayList<>(List.of(
                junitBundles(),
                cleanCaches(),
                systemProperty("pax.exam.osgi.unresolved.fail").value("true"),
                systemProperty("penstock.install").value(distribution().toString()),
                systemProperty("penstock.home").value(home.toString()),
                systemProperty("logback.configurationFile")
                        .value("file:" + home.resolve("etc").resolve("logback.xml")),
                systemProperty("java.io.tmpdir").value(home.resolve("data/temp").toString()),
                frameworkProperty("penstock.home").value(home.toString())));
        for (String key : shipped.stringPropertyNames()) {
            String value = expand(shipped.getProperty(key), home);
            if (key.startsWith(AUTO_START)) {
                int level = Integer.parseInt(key.substring(AUTO_START.length()));
                Matcher locations = QUOTED.matcher(value);
                while (locations.find()) {
                    options.add(bundle(locations.group(1)).startLevel(level).start());
                }
            } else if (!OF_THE_TEST.contains(key)) {
                options.add(frameworkProperty(key).value(value));
            }
        }
        return composite(options.toArray(Option[]::new));
    }

    private static Properties read() {
        Path file = distribution().resolve("system").resolve("config.properties");
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            Properties properties = new Properties();
            properties.load(reader);
            return properties;
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": build the distribution first (mvn package)", e);
        }
    }

    private static String expand(String value, Path home) {
        return value.replace("${penstock.install}", distribution().toString())
                .replace("${penstock.home}", home.toString());
    }
}
