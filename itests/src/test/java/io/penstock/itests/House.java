// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.penstock.api.actuation.TagWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The rules of the house, read from the bytes of the shipped bundles. */
final class House {
    private static final Set<String> WRAPPERS = Set.of("io.penstock.opcua.stack");
    private static final Set<String> OPC_UA_ROOMS =
            Set.of("io.penstock.connector.opcua", "io.penstock.publication.opcua", "io.penstock.opcua.stack");
    private static final Pattern EXPORT = Pattern.compile("(?:^|,)([a-zA-Z_][\\w.]*)(?=[;,]|$)");
    private static final Pattern OF_THE_API =
            Pattern.compile("java\\..*|io\\.penstock\\.api\\..*|org\\.osgi\\.annotation\\..*|org\\.jspecify\\..*");

    private House() {}

    /** All breaches of the rules in one bundle; empty if there is none. */
    static Set<String> breaches(Path jar, Set<String> rooms) throws IOException {
        Set<String> found = new TreeSet<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            var manifest = file.getManifest().getMainAttributes();
            String room = manifest.getValue("Bundle-SymbolicName").replaceFirst(";.*", "");
            String exports = manifest.getValue("Export-Package");
            Matcher matcher = EXPORT.matcher(exports == null ? "" : exports.replaceAll("\"[^\"]*\"", ""));
            while (matcher.find()) {
                if (!matcher.group(1).startsWith("io.penstock.api.") && !WRAPPERS.contains(room)) {
                    found.add(room + " exports " + matcher.group(1));
                }
            }
            for (JavaClass type : new ClassFileImporter().importJar(new JarFile(jar.toFile()))) {
                if (type.getPackageName().startsWith("io.penstock.")) {
                    arrows(type, room, rooms, found);
                    writes(type, room, found);
                }
            }
        }
        return found;
    }

    private static void arrows(JavaClass type, String room, Set<String> rooms, Set<String> found) {
        for (Dependency arrow : type.getDirectDependenciesFromSelf()) {
            String target = arrow.getTargetClass().getBaseComponentType().getPackageName();
            if (room.equals("io.penstock.api")) {
                if (!target.isEmpty() && !OF_THE_API.matcher(target + ".").matches()) {
                    found.add("api uses " + target + " in " + type.getName());
                }
            } else if (rooms.contains(target)
                    && !target.equals(room)
                    && !(OPC_UA_ROOMS.contains(room) && WRAPPERS.contains(target))) {
                found.add(room + " uses " + target + " in " + type.getName());
            }
        }
    }

    private static void writes(JavaClass type, String room, Set<String> found) {
        if (room.equals("io.penstock.actuation")) {
            return;
        }
        for (JavaMethodCall call : type.getMethodCallsFromSelf()) {
            String name = call.getTarget().getName();
            if (call.getTargetOwner().getName().equals(TagWriter.class.getName())
                    && (name.equals("write") || name.equals("read"))) {
                found.add(room + " calls TagWriter." + name + " in " + type.getName());
            }
        }
    }
}
