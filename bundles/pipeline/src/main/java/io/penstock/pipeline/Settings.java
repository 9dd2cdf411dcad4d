// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.pipeline;

import io.penstock.api.actuation.Mode;
import io.penstock.api.data.TagId;
import io.penstock.api.pipeline.Pipeline.Binding;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.osgi.framework.VersionRange;

/** The checked configuration of one pipeline. */
record Settings(
        String name,
        String model,
        String versionRange,
        Trigger trigger,
        long periodMs,
        Set<String> triggerTags,
        List<Binding> bindings,
        Mode mode,
        int sampleQueue,
        int resultQueue,
        long catchUpMs) {
    private static final long DAY_MS = 86_400_000L;

    /** What starts a cycle. */
    enum Trigger {
        /** points of a UTC-aligned grid. */
        GRID,
        /** every change of a trigger tag, in source-time order. */
        CHANGE,
        /** changes of trigger tags, those that wait together answered by one cycle. */
        CHANGE_LATEST
    }

    Settings {
        if (!name.matches("[A-Za-z][A-Za-z0-9_-]{0,63}")) {
            throw new IllegalArgumentException(
                    "name: a letter, then up to 63 of letters, digits, _ and -, was '" + name + "'");
        }
        if (!model.matches("[a-z][a-z0-9-]{0,63}")) {
            throw new IllegalArgumentException(
                    "model: the model's name, lower-case letters, digits and -, was '" + model + "'");
        }
        try {
            VersionRange.valueOf(versionRange);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "versionRange: an OSGi version range such as [1.0,2.0), was '" + versionRange + "'", e);
        }
        if (trigger == Trigger.GRID && (periodMs < 1 || periodMs > 31 * DAY_MS)) {
            throw new IllegalArgumentException("periodMs: 1 to " + 31 * DAY_MS + " for trigger grid, was " + periodMs);
        }
        if (trigger != Trigger.GRID && triggerTags.isEmpty()) {
            throw new IllegalArgumentException("triggerTags: at least one tag for trigger change, was empty");
        }
        if (bindings.isEmpty()) {
            throw new IllegalArgumentException("bindings: at least one 'input=tag', was empty");
        }
        Set<String> inputs = new HashSet<>();
        for (Binding binding : bindings) {
            if (!inputs.add(binding.input())) {
                throw new IllegalArgumentException(
                        "bindings: input '" + binding.input() + "' is bound twice; keep one");
            }
        }
        for (String tag : triggerTags) {
            if (bindings.stream().noneMatch(b -> b.tag().equals(tag))) {
                throw new IllegalArgumentException("triggerTags: '" + tag + "' is not bound to an input; bind it");
            }
        }
        if (mode == Mode.CLOSED) {
            throw new IllegalArgumentException(
                    "mode: OFF, SHADOW or ADVISORY, was CLOSED; a loop is closed by a person, never by a file");
        }
        if (Integer.bitCount(sampleQueue) != 1 || sampleQueue < 16 || sampleQueue > 1 << 20) {
            throw new IllegalArgumentException("sampleQueue: a power of two from 16 to 1048576, was " + sampleQueue);
        }
        if (resultQueue < 2 || resultQueue > 65_536) {
            throw new IllegalArgumentException("resultQueue: 2 to 65536, was " + resultQueue);
        }
        if (catchUpMs < 0 || catchUpMs > 60_000) {
            throw new IllegalArgumentException("catchUpMs: 0 to 60000, was " + catchUpMs);
        }
        triggerTags = Set.copyOf(triggerTags);
        bindings = List.copyOf(bindings);
    }

    static Settings of(PipelineComponent.Config config) {
        return new Settings(
                config.name(),
                config.model(),
                config.versionRange(),
                trigger(config.trigger()),
                config.periodMs(),
                Set.copyOf(List.of(config.triggerTags())),
                bindings(config.bindings()),
                mode(config.mode()),
                config.sampleQueue(),
                config.resultQueue(),
                config.catchUpMs());
    }

    private static Trigger trigger(String text) {
        return switch (text) {
            case "grid" -> Trigger.GRID;
            case "change" -> Trigger.CHANGE;
            case "changeLatest" -> Trigger.CHANGE_LATEST;
            default -> throw new IllegalArgumentException("trigger: grid, change or changeLatest, was '" + text + "'");
        };
    }

    private static Mode mode(String text) {
        try {
            return Mode.valueOf(text.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("mode: OFF, SHADOW or ADVISORY, was '" + text + "'", e);
        }
    }

    private static List<Binding> bindings(String[] lines) {
        List<Binding> bindings = new ArrayList<>();
        for (String line : lines) {
            int equals = line.indexOf('=');
            if (equals < 1 || equals == line.length() - 1) {
                throw new IllegalArgumentException("bindings: 'input=tag', was '" + line + "'");
            }
            bindings.add(new Binding(
                    line.substring(0, equals).strip(),
                    new TagId(line.substring(equals + 1).strip()).name()));
        }
        return bindings;
    }
}
