// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.Before;
import org.junit.Test;

/** What {@code bin/penstock-gateway} does before the framework runs. */
public class StartIT {
    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");

    private Path install;
    private Path home;

    @Before
    public void unpack() throws IOException {
        Path place = Shipped.newHome("a b");
        install = Files.createDirectory(place.resolve("pen stock"));
        home = Files.createDirectory(place.resolve("my home"));
        for (String folder : new String[] {"lib", "system"}) {
            Files.createSymbolicLink(
                    install.resolve(folder), Shipped.distribution().resolve(folder));
        }
        Files.createDirectories(install.resolve("etc"));
        Files.copy(Shipped.distribution().resolve("etc/logback.xml"), install.resolve("etc/logback.xml"));
        Files.createDirectories(install.resolve("bin"));
        Files.copy(
                Shipped.distribution().resolve("bin/penstock-gateway"),
                install.resolve("bin/penstock-gateway"),
                StandardCopyOption.COPY_ATTRIBUTES);
    }

    // In a folder with a blank in its name the gateway ran without a single bundle; a second one started by mistake
    // emptied the
    // cache of the first and talked to the same PLCs.
    @Test
    public void runsAnywhereButOncePerHome() throws Exception {
        Path output = home.resolveSibling("output.txt");
        Process gateway = command(Map.of()).redirectOutput(output.toFile()).start();
        try {
            Framework.await(
                    "releases are taken in",
                    60,
                    () -> !gateway.isAlive() || read(output).contains("Releases are taken in"),
                    () -> read(output));
            assertTrue(read(output), gateway.isAlive());
            assertTrue(Files.exists(home.resolve("etc/logback.xml")));
            assertEquals(
                    "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(home.resolve("data"))));

            assertEquals(
                    "1: penstock-gateway: another gateway runs in " + home
                            + "; stop it first, or set PENSTOCK_HOME to another home\n",
                    run(Map.of()));
            assertTrue(gateway.isAlive());
            assertTrue(Files.exists(home.resolve("data/cache/bundle1")));

            gateway.destroy();
            assertTrue("stops within 10 s", gateway.waitFor(10, TimeUnit.SECONDS));
        } finally {
            gateway.destroyForcibly();
        }
        assertFalse(read(output), read(output).contains("ERROR") || read(output).contains("Exception"));
    }

    // The engineer would see a stack trace of somebody else's program, or nothing.
    @Test
    public void saysInOneLineWhatIsMissing() throws Exception {
        assertEquals(
                "1: penstock-gateway: no Java at '/nowhere/java'; install a JDK or JRE 17 or newer"
                        + " (Debian: apt-get install default-jre-headless) or set PENSTOCK_JAVA\n",
                run(Map.of("PENSTOCK_JAVA", "/nowhere/java")));

        Path old = Files.createDirectories(home.resolve("jdk-11/bin")).resolve("java");
        Files.writeString(home.resolve("jdk-11/release"), "JAVA_VERSION=\"11.0.2\"\n");
        Files.writeString(old, "#!/bin/sh\n");
        assertTrue(old.toFile().setExecutable(true));
        String answer = run(Map.of("PENSTOCK_JAVA", old.toString()));
        assertTrue(answer, answer.startsWith("1: penstock-gateway: Java 17 or newer is needed, '" + old + "' is 11; "));

        assertEquals(
                "1: penstock-gateway: PENSTOCK_HOME=/nowhere is no directory that can be entered; create it, or name another\n",
                run(Map.of("PENSTOCK_HOME", "/nowhere")));
        answer = run(Map.of("PENSTOCK_HOME", "/proc"));
        assertTrue(
                answer,
                answer.endsWith("penstock-gateway: cannot write in /proc; run the gateway as the user who owns it\n"));
        Path comma = Files.createDirectory(home.resolve("a,b"));
        answer = run(Map.of("PENSTOCK_HOME", comma.toString()));
        assertTrue(answer, answer.startsWith("1: penstock-gateway: neither ") && answer.endsWith("; move it\n"));
        assertFalse(Files.exists(home.resolve("etc")));
    }

    // Support would not know what runs there.
    @Test
    public void theCommandNamesItsVersion() throws Exception {
        assertEquals("0: penstock 1.0.0\n", Framework.penstock("--version"));
    }

    // Somebody who asks what a program does would have started a gateway, or run one to warm it up.
    @Test
    public void whoAsksForHelpOrMistypesGetsNothingElse() throws Exception {
        try (Stream<Path> programs = Files.list(install.resolve("bin"))) {
            for (Path program : programs.sorted().toList()) {
                for (String option : List.of("--help", "-h", "--no-such-option")) {
                    ProcessBuilder builder = command(Map.of());
                    builder.command(program.toString(), option);
                    Process process = builder.start();
                    try {
                        String what = program.getFileName() + " " + option;
                        assertTrue(what, process.waitFor(30, TimeUnit.SECONDS));
                        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                        if (option.equals("--no-such-option")) {
                            assertTrue(what + ": " + said, process.exitValue() != 0 && said.contains(option));
                        } else {
                            assertTrue(
                                    what + ": " + said,
                                    process.exitValue() == 0 && said.lines().count() >= 3);
                        }
                    } finally {
                        process.destroyForcibly();
                    }
                }
            }
        }
        assertFalse("nothing was begun", Files.exists(home.resolve("data")));
    }

    private ProcessBuilder command(Map<String, String> environment) {
        ProcessBuilder builder =
                new ProcessBuilder(install.resolve("bin/penstock-gateway").toString()).redirectErrorStream(true);
        builder.environment().put("PENSTOCK_HOME", home.toString());
        builder.environment().put("PENSTOCK_JAVA", JAVA.toString());
        builder.environment().putAll(environment);
        return builder;
    }

    /** Exit code and output of a start that is refused. */
    private String run(Map<String, String> environment) throws Exception {
        Process process = command(environment).start();
        try {
            assertTrue("ends within 30 s", process.waitFor(30, TimeUnit.SECONDS));
            return process.exitValue() + ": "
                    + new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } finally {
            process.destroyForcibly();
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
