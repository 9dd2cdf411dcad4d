// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.kit.Disk;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers the command line: it leaves {@code data/requests/<uuid>.json} and reads {@code <uuid>.reply.json}. Who may write in
 * that folder may ask; the operating system decides that. A request is removed before it is carried out: at most once.
 */
final class Requests {
    private static final Logger LOG = LoggerFactory.getLogger(Requests.class);
    private static final Pattern REQUEST =
            Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\.json");
    private static final Pattern USER = Pattern.compile("[\\x21-\\x7E]{1,64}");
    private static final long LARGEST = 16 * 1024;
    private static final Duration REPLY_KEPT = Duration.ofHours(1);

    private final Path folder;
    private final Disk disk;
    private final Clock clock;
    private final Rollouts rollouts;
    private final Set<String> others = new TreeSet<>();

    Requests(Path folder, Disk disk, Clock clock, Rollouts rollouts) throws IOException {
        this.folder = folder;
        this.disk = disk;
        this.clock = clock;
        this.rollouts = rollouts;
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(folder);
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
        }
    }

    void poll() throws InterruptedException {
        List<Path> requests = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, "*.json")) {
            for (Path file : stream) {
                String name = file.getFileName().toString();
                if (name.endsWith(".reply.json")) {
                    forget(file);
                } else if (REQUEST.matcher(name).matches() && !others.contains(name)) {
                    // Reading a pipe would never end, and a link may lead to one or to somebody else's file.
                    if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                        requests.add(file);
                    } else {
                        others.add(name);
                        LOG.warn("{} is no request, for it is no plain file; remove it", file);
                    }
                }
            }
            for (Path request : requests) {
                answer(request);
            }
        } catch (IOException e) {
            LOG.warn("Requests in {} cannot be answered: {}", folder, e.toString());
        }
    }

    private void forget(Path reply) throws IOException {
        Instant written = Files.getLastModifiedTime(reply).toInstant();
        if (written.plus(REPLY_KEPT).isBefore(clock.instant())) {
            Files.deleteIfExists(reply);
        }
    }

    private void answer(Path file) throws IOException, InterruptedException {
        String name = file.getFileName().toString();
        Path reply = folder.resolve(name.replace(".json", ".reply.json"));
        String pipeline;
        String user;
        String reason;
        try {
            if (Files.size(file) > LARGEST) {
                throw new IllegalArgumentException(name + ": at most " + LARGEST + " bytes, has " + Files.size(file));
            }
            Json json = Json.parse(name, Files.readAllBytes(file));
            if (!json.text("command", 40).equals("rollback")) {
                others.add(name); // somebody else's
                return;
            }
            pipeline = json.text("pipeline", 120);
            user = json.text("user", USER, "a user name of 1 to 64 characters");
            reason = json.text("reason", 1000);
            json.end();
        } catch (IllegalArgumentException e) {
            disk.remove(file);
            disk.replace(
                    reply,
                    Disk.Access.ANYONE,
                    Json.compact(Json.newObject()
                            .put("ok", false)
                            .put("reason", e.getMessage() == null ? e.toString() : e.getMessage())));
            return;
        }
        disk.remove(file);
        Receipt receipt = rollouts.rollback(
                pipeline, new Actor("cli:" + user, Set.of(Role.MODEL_DEPLOYER), "command line"), reason);
        ObjectNode answer = State.receipt(receipt);
        answer.put("ok", receipt.outcome() == RolloutOutcome.ROLLED_BACK);
        disk.replace(reply, Disk.Access.ANYONE, Json.compact(answer));
    }
}
