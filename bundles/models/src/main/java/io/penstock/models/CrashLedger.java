// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.penstock.kit.Disk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the gateway died, for people to read, and the good hours that make a crash forgotten: one for {@link #FORGIVEN_SECONDS}
 * of service. The count itself stands in {@link State}; what is lost here costs a model some hours. One thread.
 */
final class CrashLedger {
    static final String FILE = "crashes.json";
    static final long FORGIVEN_SECONDS = TimeUnit.HOURS.toSeconds(24);
    private static final Logger LOG = LoggerFactory.getLogger(CrashLedger.class);
    private static final int MOST_DEATHS = 20;
    private static final int LONGEST_TEXT = 4000;
    private static final long SAVE_SECONDS = 600;
    /** A thread that was held up for longer has not watched the model meanwhile. */
    private static final long LONGEST_STEP_SECONDS = 60;

    private final Path file;
    private final Disk disk;
    private final Map<String, Long> goodSeconds;
    private final List<Death> deaths;
    private long lastNanos;
    private boolean begun;
    private long unsavedSeconds;

    private CrashLedger(Path file, Disk disk, Map<String, Long> goodSeconds, List<Death> deaths) {
        this.file = file;
        this.disk = disk;
        this.goodSeconds = goodSeconds;
        this.deaths = deaths;
    }

    /**
     * One death of the process.
     *
     * @param what kind and place.
     * @param finding who was charged and why.
     */
    record Death(Instant time, String what, String finding) {
        /** For people. */
        String text() {
            return time + " " + what + "; " + finding;
        }
    }

    static CrashLedger open(Path folder, Disk disk) {
        Map<String, Long> seconds = new TreeMap<>();
        List<Death> deaths = new ArrayList<>();
        try {
            Json json = Json.parse(FILE, Files.readAllBytes(folder.resolve(FILE)));
            Json hours = json.object("goodSeconds");
            hours.keys().forEach(id -> seconds.put(id, hours.integer(id, 0, FORGIVEN_SECONDS)));
            for (Json death : json.objects("deaths", 0, MOST_DEATHS)) {
                deaths.add(new Death(
                        death.instant("time"), death.text("what", LONGEST_TEXT), death.text("finding", LONGEST_TEXT)));
            }
        } catch (NoSuchFileException e) {
            LOG.debug("{} is not there yet", folder.resolve(FILE));
        } catch (IOException | IllegalArgumentException e) {
            LOG.warn(
                    "{} cannot be read: {}; good hours of models that crashed begin anew",
                    folder.resolve(FILE),
                    e.toString());
            seconds.clear();
            deaths.clear();
        }
        return new CrashLedger(folder.resolve(FILE), disk, seconds, deaths);
    }

    /** Newest first. For any thread, since one is added at the start only. */
    List<Death> deaths() {
        return List.copyOf(deaths);
    }

    /** @param charged id of the release whose good hours begin anew, empty for none. */
    void died(Death death, String charged) {
        deaths.add(0, new Death(death.time(), shortened(death.what()), shortened(death.finding())));
        while (deaths.size() > MOST_DEATHS) {
            deaths.remove(deaths.size() - 1);
        }
        goodSeconds.remove(charged);
        save();
    }

    private static String shortened(String text) {
        return text.length() <= LONGEST_TEXT ? text : text.substring(0, LONGEST_TEXT);
    }

    /**
     * Lets time pass.
     *
     * @param charged ids of releases with crashes to their name.
     * @param serving those that serve at present.
     * @return ids of which one crash is forgotten now.
     */
    List<String> pass(long nowNanos, Set<String> charged, Set<String> serving) {
        long seconds = begun ? TimeUnit.NANOSECONDS.toSeconds(nowNanos - lastNanos) : 0;
        if (begun && seconds == 0) {
            return List.of();
        }
        begun = true;
        lastNanos = nowNanos;
        if (goodSeconds.keySet().retainAll(charged)) {
            save();
        }
        List<String> forgiven = new ArrayList<>();
        for (String id : charged) {
            if (serving.contains(id)) {
                long good = goodSeconds.getOrDefault(id, 0L) + Math.min(seconds, LONGEST_STEP_SECONDS);
                if (good >= FORGIVEN_SECONDS) {
                    forgiven.add(id);
                    good = 0;
                }
                goodSeconds.put(id, good);
                unsavedSeconds += seconds;
            }
        }
        if (unsavedSeconds >= SAVE_SECONDS || !forgiven.isEmpty()) {
            save();
        }
        return forgiven;
    }

    private void save() {
        unsavedSeconds = 0;
        ObjectNode root = Json.newObject();
        ObjectNode hours = root.putObject("goodSeconds");
        goodSeconds.forEach(hours::put);
        ArrayNode list = root.putArray("deaths");
        for (Death death : deaths) {
            list.add(Json.newObject()
                    .put("time", death.time().toString())
                    .put("what", death.what())
                    .put("finding", death.finding()));
        }
        try {
            disk.replace(file, Disk.Access.ANYONE, Json.pretty(root));
        } catch (IOException e) {
            LOG.warn("{} cannot be written: {}; make room or repair the disk", file, e.toString());
        }
    }
}
