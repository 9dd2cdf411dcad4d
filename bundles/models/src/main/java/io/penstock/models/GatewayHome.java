// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.Receipt;
import io.penstock.kit.Disk;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A gateway as the command line on the same machine sees it: by the files in its home. */
public final class GatewayHome {
    private static final int USUAL_CRASHES = 2;
    private static final Pattern MAXIMUM_CRASHES = Pattern.compile("\"maximumCrashes\"\\s*:\\s*([0-9]{1,3})");
    private static final Pattern NAME = Pattern.compile("\"name\"\\s*:\\s*\"([^\"]{1,120})\"");

    private final Path home;

    /** @throws IOException if there is no gateway in that folder. */
    public GatewayHome(Path home) throws IOException {
        this.home = home;
        if (!Files.isDirectory(home.resolve("etc"))) {
            throw new IOException(
                    home + ": is no home of a gateway, it has no folder etc; give its folder with --home");
        }
    }

    private Path models() {
        return home.resolve("data").resolve("models");
    }

    /** Whether a gateway runs there: it holds a lock for as long as it lives. */
    public boolean isRunning() throws IOException {
        Path lock = models().resolve(ReleaseStore.LOCK);
        if (!Files.exists(lock)) {
            return false;
        }
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.WRITE);
                FileLock free = channel.tryLock()) {
            return free == null;
        } catch (OverlappingFileLockException e) {
            return true; // in this very process
        }
    }

    /**
     * What was meant to run when a gateway last wrote it down, in the shape of the running gateway's own status; nothing of it
     * is a fact about now.
     *
     * @throws IOException if it cannot be read.
     */
    public String lastKnownJson(int receipts) throws IOException {
        State state = ReleaseStore.readState(models());
        Path file = models().resolve(ReleaseStore.DESIRED);
        Set<String> configured = configuredPipelines();
        ObjectNode root = Json.newObject();
        root.put("penstock", 1).put("done", true).put("gateway", "down");
        root.put(
                "asOf",
                Files.exists(file) ? Files.getLastModifiedTime(file).toInstant().toString() : null);
        root.put("well", false);
        List<String> attention = new ArrayList<>();
        attention.add("no gateway runs in " + home + "; what follows is what was last known");
        attention.addAll(ReleaseStore.troubles(models()));
        Json.addTexts(root.putArray("attention"), attention);
        ArrayNode pipelines = root.putArray("pipelines");
        Set<String> names = new TreeSet<>(state.pipelines().keySet());
        names.addAll(configured);
        for (String name : names) {
            ObjectNode pipeline = pipelines.addObject().put("name", name);
            pipeline.put("state", configured.contains(name) ? "down" : "removed");
            State.Serving serving = state.pipelines().get(name);
            if (serving != null) {
                model(pipeline, "meant", state, serving.current());
                for (int i = serving.history().size() - 1; i >= 0 && !pipeline.has("fallback"); i--) {
                    if (!quarantined(state, serving.history().get(i))) {
                        model(pipeline, "fallback", state, serving.history().get(i));
                    }
                }
            }
        }
        Json.addTexts(
                root.putArray("quarantined"),
                state.crashes().entrySet().stream()
                        .filter(entry -> quarantined(state, entry.getKey()))
                        .map(entry -> Names.printable(label(state, entry.getKey())) + ": " + entry.getValue()
                                + " crashes of the gateway")
                        .toList());
        Json.addTexts(
                root.putArray("crashes"),
                state.crashes().entrySet().stream()
                        .map(entry -> Names.printable(label(state, entry.getKey())) + ": " + entry.getValue())
                        .toList());
        Json.addTexts(
                root.putArray("deaths"),
                CrashLedger.open(models(), new Disk()).deaths().stream()
                        .map(death -> Names.printable(death.text()))
                        .toList());
        ArrayNode list = root.putArray("receipts");
        state.receipts().stream().limit(receipts).forEach(receipt -> list.add(receipt(receipt)));
        return new String(Json.compact(root), StandardCharsets.UTF_8);
    }

    private static ObjectNode receipt(Receipt receipt) {
        ObjectNode node = Json.newObject()
                .put("time", receipt.time().toString())
                .put("outcome", receipt.outcome().name())
                .put("file", Names.printable(receipt.file()));
        ModelIdentity model = receipt.model();
        node.put("model", model == null ? null : model.label());
        Json.addTexts(node.putArray("pipelines"), receipt.pipelines());
        return node.put("reason", Names.printable(receipt.reason())); // whoever asks for a rollback chooses it
    }

    private static void model(ObjectNode pipeline, String key, State state, String id) {
        State.Accepted accepted = state.releases().get(id);
        if (accepted != null) {
            ModelIdentity identity = accepted.identity();
            pipeline.putObject(key)
                    .put("name", identity.name())
                    .put("version", identity.version())
                    .put("sequence", identity.sequence())
                    .put("sha256", identity.sha256());
        }
    }

    private boolean quarantined(State state, String id) {
        return state.crashes().getOrDefault(id, 0) >= maximumCrashes();
    }

    private int maximumCrashes() {
        try {
            Matcher crashes =
                    MAXIMUM_CRASHES.matcher(Files.readString(home.resolve("etc/io.penstock.models.cfg.json")));
            return crashes.find() ? Integer.parseInt(crashes.group(1)) : USUAL_CRASHES;
        } catch (IOException e) {
            return USUAL_CRASHES;
        }
    }

    /** As far as the files in {@code etc/} tell; whether they are right, only a gateway knows. */
    private Set<String> configuredPipelines() throws IOException {
        Set<String> names = new TreeSet<>();
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(home.resolve("etc"), "io.penstock.pipeline~*.cfg.json")) {
            for (Path file : files) {
                Matcher name = NAME.matcher(Files.readString(file));
                if (name.find()) {
                    names.add(name.group(1));
                }
            }
        }
        return names;
    }

    private static String label(State state, String id) {
        State.Accepted accepted = state.releases().get(id);
        return accepted == null
                ? "release " + id.substring(0, 12)
                : accepted.identity().label() + " (sequence "
                        + accepted.identity().sequence() + ")";
    }
}
