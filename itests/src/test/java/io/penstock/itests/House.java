// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.penstock.api.actuation.TagWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The rules of the house, read from the bytes of the shipped bundles. */
final class House {
    private static final String API = "io.penstock.api";
    /** Copied by the build into each bundle that uses it; of what lies below, nothing is for shipping. */
    private static final String KIT = "io.penstock.kit";

    private static final Set<String> WRAPPERS = Set.of("io.penstock.opcua.stack");
    private static final Set<String> OPC_UA_ROOMS =
            Set.of("io.penstock.connector.opcua", "io.penstock.publication.opcua", "io.penstock.opcua.stack");
    /** Heavy libraries and the rooms that may touch them. */
    private static final Map<String, Set<String>> QUARANTINE = Map.of(
            "org.eclipse.milo.", OPC_UA_ROOMS,
            "ai.onnxruntime.", Set.of("io.penstock.inference.onnx"),
            "org.apache.plc4x.", Set.of("io.penstock.connector.plc4x"));
    /** Arrows that {@code Import-Package} does not show. */
    private static final List<String> HIDDEN_ARROWS =
            List.of("Require-Bundle", "DynamicImport-Package", "Fragment-Host");

    private static final Pattern CLAUSE = Pattern.compile("(?:[^,\"]|\"[^\"]*\")+");
    private static final Pattern OF_THE_API =
            Pattern.compile("java\\..*|io\\.penstock\\.api\\..*|org\\.osgi\\.annotation\\..*|org\\.jspecify\\..*");

    private House() {}

    /** All breaches of the rules in one bundle; empty if there is none. */
    static Set<String> breaches(Path jar, Set<String> rooms) throws IOException {
        Set<String> found = new TreeSet<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            var manifest = file.getManifest().getMainAttributes();
            String room = manifest.getValue("Bundle-SymbolicName").replaceFirst(";.*", "");
            exports(manifest, room, found);
            for (String header : HIDDEN_ARROWS) {
                if (manifest.getValue(header) != null) {
                    found.add(room + " has " + header + " " + manifest.getValue(header));
                }
            }
            String imports = manifest.getValue("Import-Package");
            if (imports != null
                    && CLAUSE.matcher(imports).results().anyMatch(one -> one.group()
                            .startsWith(KIT))) {
                found.add(room + " imports " + KIT + ", which no bundle exports; let the build copy it");
            }
            for (JavaClass type : new ClassFileImporter().importJar(new JarFile(jar.toFile()))) {
                if (type.getPackageName().startsWith("io.penstock.")) {
                    if (!type.getPackageName().equals(KIT) && !room.equals(room(type.getPackageName(), rooms))) {
                        found.add(room + " holds " + type.getName());
                    }
                    arrows(type, room, rooms, found);
                    writes(type, room, found);
                }
            }
        }
        return found;
    }

    private static void exports(Attributes manifest, String room, Set<String> found) {
        String exports = manifest.getValue("Export-Package");
        Matcher clauses = CLAUSE.matcher(exports == null ? "" : exports);
        while (clauses.find()) {
            String name = clauses.group().replaceFirst(";.*", "");
            if (!name.startsWith("io.penstock.api.") && !WRAPPERS.contains(room)) {
                found.add(room + " exports " + name);
            } else if (!clauses.group().contains(";version=")) {
                found.add(room + " exports " + name + " without a version");
            }
        }
    }

    private static void arrows(JavaClass type, String room, Set<String> rooms, Set<String> found) {
        for (Dependency arrow : type.getDirectDependenciesFromSelf()) {
            String target = arrow.getTargetClass().getBaseComponentType().getPackageName();
            if (room.equals(API)) {
                if (!target.isEmpty() && !OF_THE_API.matcher(target + ".").matches()) {
                    found.add("api uses " + target + " in " + type.getName());
                }
                continue;
            }
            String other = room(target, rooms);
            boolean outOfKit =
                    type.getPackageName().equals(KIT) && !target.equals(KIT) && target.startsWith("io.penstock.");
            if (outOfKit) {
                found.add(KIT + " uses " + target + " in " + type.getName());
            }
            if (!other.isEmpty()
                    && !other.equals(API)
                    && !other.equals(room)
                    && !(OPC_UA_ROOMS.contains(room) && WRAPPERS.contains(other))) {
                found.add(room + " uses " + target + " in " + type.getName());
            }
            QUARANTINE.forEach((library, allowed) -> {
                if ((target + ".").startsWith(library) && !allowed.contains(room)) {
                    found.add(room + " uses " + target + " in " + type.getName());
                }
            });
        }
    }

    /** The room, or the api, that a package belongs to, if it is of the house at all. */
    private static String room(String packageName, Set<String> rooms) {
        return Stream.concat(rooms.stream(), Stream.of(API))
                .filter(room -> (packageName + ".").startsWith(room + "."))
                .findFirst()
                .orElse("");
    }

    /** By call or by method reference. */
    private static void writes(JavaClass type, String room, Set<String> found) {
        if (room.equals("io.penstock.actuation")) {
            return;
        }
        for (JavaAccess<?> access : type.getAccessesFromSelf()) {
            String name = access.getTarget().getName();
            if (access.getTargetOwner().getName().equals(TagWriter.class.getName())
                    && (name.equals("write") || name.equals("read"))) {
                found.add(room + " calls TagWriter." + name + " in " + type.getName());
            }
        }
    }
}
