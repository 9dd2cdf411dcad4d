// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.kit.Disk;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** A gateway as the command line on the same machine sees it: by the files in its home. */
public final class GatewayHome {
    private static final long LOOK_MS = 50;

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

    /** What serves, what could be returned to, and what became of the last releases; one line per fact. */
    public List<String> status(int receipts) throws IOException {
        State state = ReleaseStore.readState(models());
        List<String> lines = new ArrayList<>();
        lines.add("gateway     " + (isRunning() ? "runs" : "does not run"));
        ReleaseStore.troubles(models()).forEach(trouble -> lines.add("state       " + trouble));
        if (state.pipelines().isEmpty()) {
            lines.add("pipelines   none has a model; drop a release into " + home.resolve("releases"));
        }
        for (Map.Entry<String, State.Serving> entry : state.pipelines().entrySet()) {
            List<String> history = entry.getValue().history();
            lines.add("pipeline    " + entry.getKey() + ": "
                    + label(state, entry.getValue().current())
                    + ", fallback "
                    + (history.isEmpty() ? "none" : label(state, history.get(history.size() - 1))));
        }
        state.crashes().forEach((id, count) -> lines.add("crashes     " + label(state, id) + ": " + count));
        for (Receipt receipt :
                state.receipts().subList(0, Math.min(receipts, state.receipts().size()))) {
            ModelIdentity model = receipt.model();
            lines.add("receipt     " + receipt.time() + " " + receipt.outcome() + " " + receipt.file()
                    + (model == null ? "" : " (" + model.label() + ")") + " on " + receipt.pipelines()
                    + (receipt.reason().isEmpty() ? "" : ": " + receipt.reason()));
        }
        lines.replaceAll(Names::printable); // whoever asks for a rollback chooses its reason
        return lines;
    }

    /** The same as JSON: the desired state as it is on disk, and whether the gateway runs. */
    public String statusJson() throws IOException {
        return "{\"running\":" + isRunning() + ",\"desired\":"
                + new String(ReleaseStore.readState(models()).toBytes(), StandardCharsets.UTF_8).strip() + "}";
    }

    private static String label(State state, String id) {
        State.Accepted accepted = state.releases().get(id);
        return accepted == null
                ? "release " + id.substring(0, 12)
                : accepted.identity().label() + " (sequence "
                        + accepted.identity().sequence() + ")";
    }

    /**
     * Asks the running gateway to return a pipeline to its fallback.
     *
     * @return one line per step.
     * @throws ModelRejectedException if the gateway refuses, with its reason.
     * @throws IOException if no gateway runs, or it does not answer in time.
     */
    public List<String> rollback(String pipeline, String user, String reason, long timeoutMs)
            throws IOException, ModelRejectedException, InterruptedException {
        if (!isRunning()) {
            throw new IOException(
                    "the gateway in " + home + " does not run; start it with bin/penstock-gateway, then try again");
        }
        Path folder = home.resolve("data").resolve("requests");
        String name = UUID.randomUUID().toString();
        Path request = folder.resolve(name + ".json");
        Path reply = folder.resolve(name + ".reply.json");
        new Disk()
                .replace(
                        request,
                        Disk.Access.ANYONE,
                        Json.compact(Json.newObject()
                                .put("command", "rollback")
                                .put("pipeline", pipeline)
                                .put("user", user)
                                .put("reason", reason)));
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        while (!Files.exists(reply)) {
            if (System.nanoTime() - end > 0) {
                boolean unread = Files.deleteIfExists(request);
                throw new IOException("the gateway did not answer within " + timeoutMs + " ms; "
                        + (unread
                                ? "nothing was changed, look into its log"
                                : "it has begun, see 'penstock model status'"));
            }
            Thread.sleep(LOOK_MS); // a file system is asked; nothing tells us
        }
        byte[] answer = Files.readAllBytes(reply);
        Files.delete(reply);
        return answer(answer);
    }

    private static List<String> answer(byte[] bytes) throws IOException, ModelRejectedException {
        try {
            Json json = Json.parse("reply", bytes);
            boolean done = json.flag("ok");
            if (!json.has("outcome")) {
                throw new ModelRejectedException(json.text("reason", 100_000));
            }
            Receipt receipt = State.receipt(json);
            if (!done || receipt.outcome() != RolloutOutcome.ROLLED_BACK) {
                throw new ModelRejectedException(receipt.outcome() + ": " + receipt.reason());
            }
            List<String> lines = new ArrayList<>(receipt.steps());
            lines.add(receipt.outcome() + " to "
                    + Objects.requireNonNull(receipt.model()).label());
            return lines;
        } catch (IllegalArgumentException e) {
            throw new IOException("the gateway's answer cannot be read: " + e.getMessage(), e);
        }
    }
}
