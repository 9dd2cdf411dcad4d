// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.actuation;

import io.penstock.api.data.TagId;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the plant decided for one loop. No limit has a default; what is missing is refused by name.
 *
 * @param rateUpPerMinute engineering units per minute, upwards.
 * @param stepLimit largest distance between prediction and setpoint when a model takes over.
 */
record Settings(
        String name,
        String pipeline,
        String output,
        TagId target,
        double low,
        double high,
        double maximumExcessPercent,
        double rateUpPerMinute,
        double rateDownPerMinute,
        double deadband,
        double stepLimit,
        long maximumInputAgeMs,
        boolean acceptUncertain,
        long validityMs,
        TagId readBackTag,
        double readBackTolerance,
        long readBackTimeMs,
        long maximumReadBackMismatches,
        long writeDeadlineMs,
        long maximumWriteFailures,
        long periodMinMs,
        long watchPeriodMs,
        long maximumConsecutiveRefusals,
        long holdMs,
        Set<String> approvedReleases,
        Intent intent) {
    /** What is on record before a write leaves. */
    enum Intent {
        /** its intent is on disk. */
        DURABLE,
        /** its intent is on its way to the disk. */
        QUEUED
    }

    private static final long DAY_MS = TimeUnit.DAYS.toMillis(1);

    Settings {
        approvedReleases = Set.copyOf(approvedReleases);
        if (!name.matches("[A-Za-z][A-Za-z0-9_-]{0,63}")) {
            throw refused("name", "a letter, then up to 63 of letters, digits, _ and -", "'" + name + "'");
        }
        finite("low", low);
        finite("high", high);
        if (low >= high) {
            throw refused("low", "below high " + high, low);
        }
        double span = high - low;
        between("maximumExcessPercent", maximumExcessPercent, 0, 100);
        positive("rateUpPerMinute", rateUpPerMinute);
        positive("rateDownPerMinute", rateDownPerMinute);
        between("deadband", deadband, 0, span);
        positive("stepLimit", stepLimit);
        if (stepLimit > span) {
            throw refused("stepLimit", "at most high - low = " + span, stepLimit);
        }
        if (stepLimit < deadband) {
            throw refused("stepLimit", "at least the deadband " + deadband, stepLimit);
        }
        positive("readBackTolerance", readBackTolerance);
        if (readBackTolerance > span / 10) {
            throw refused(
                    "readBackTolerance",
                    "at most a tenth of high - low = " + span / 10
                            + ", or another writer and a setpoint outside pass unseen",
                    readBackTolerance);
        }
        if (deadband > 0 && readBackTolerance > deadband) {
            throw refused(
                    "readBackTolerance",
                    "at most the deadband " + deadband + ", or a write that was not applied passes as applied",
                    readBackTolerance);
        }
        within("maximumInputAgeMs", maximumInputAgeMs, 1, DAY_MS);
        within("validityMs", validityMs, 1, DAY_MS);
        within("writeDeadlineMs", writeDeadlineMs, 1, 60_000);
        if (writeDeadlineMs > validityMs) {
            throw refused("writeDeadlineMs", "at most validityMs " + validityMs, writeDeadlineMs);
        }
        within("readBackTimeMs", readBackTimeMs, 1, 600_000);
        within("maximumReadBackMismatches", maximumReadBackMismatches, 0, 1_000);
        within("maximumWriteFailures", maximumWriteFailures, 0, 1_000);
        within("watchPeriodMs", watchPeriodMs, 100, DAY_MS);
        within("maximumConsecutiveRefusals", maximumConsecutiveRefusals, 0, 1_000_000_000);
        within("holdMs", holdMs, 1, DAY_MS);
        if (holdMs < validityMs) {
            throw refused("holdMs", "at least validityMs " + validityMs, holdMs);
        }
        if (holdMs < writeDeadlineMs + readBackTimeMs) {
            throw refused(
                    "holdMs",
                    "at least writeDeadlineMs + readBackTimeMs = " + (writeDeadlineMs + readBackTimeMs),
                    holdMs);
        }
        within("periodMinMs", periodMinMs, 0, DAY_MS);
    }

    /**
     * @throws IllegalArgumentException naming key, value and limit.
     */
    static Settings of(Map<String, ?> properties) {
        Keys keys = new Keys(properties);
        TagId target = keys.tag("target");
        return new Settings(
                keys.text("name"),
                keys.text("pipeline"),
                keys.text("output"),
                target,
                keys.number("low"),
                keys.number("high"),
                keys.number("maximumExcessPercent"),
                keys.number("rateUpPerMinute"),
                keys.number("rateDownPerMinute"),
                keys.number("deadband"),
                keys.number("stepLimit"),
                keys.whole("maximumInputAgeMs"),
                keys.flag("acceptUncertain"),
                keys.whole("validityMs"),
                keys.given("readBackTag") ? keys.tag("readBackTag") : target,
                keys.number("readBackTolerance"),
                keys.whole("readBackTimeMs"),
                keys.whole("maximumReadBackMismatches"),
                keys.whole("writeDeadlineMs"),
                keys.whole("maximumWriteFailures"),
                keys.given("periodMinMs") ? keys.whole("periodMinMs") : 0,
                keys.given("watchPeriodMs") ? keys.whole("watchPeriodMs") : 1_000,
                keys.whole("maximumConsecutiveRefusals"),
                keys.whole("holdMs"),
                keys.releases("approvedReleases"),
                keys.intent("intent"));
    }

    private static void finite(String key, double value) {
        if (!Double.isFinite(value)) {
            throw refused(key, "a finite number", value);
        }
    }

    private static void positive(String key, double value) {
        if (!Double.isFinite(value) || value <= 0) {
            throw refused(key, "above 0", value);
        }
    }

    private static void between(String key, double value, double low, double high) {
        if (!(value >= low && value <= high)) {
            throw refused(key, low + " to " + high, value);
        }
    }

    private static void within(String key, long value, long low, long high) {
        if (value < low || value > high) {
            throw refused(key, low + " to " + high, value);
        }
    }

    private static IllegalArgumentException refused(String key, String limit, Object value) {
        return new IllegalArgumentException(key + ": " + limit + ", was " + value);
    }

    /** Reads one key at a time: the general converter turns a missing limit into 0 and true into 1. */
    private record Keys(Map<String, ?> properties) {
        boolean given(String key) {
            Object value = properties.get(key);
            return value != null && !(value instanceof String text && text.isBlank());
        }

        private Object needed(String key) {
            Object value = properties.get(key);
            if (value == null || !given(key)) {
                throw new IllegalArgumentException(key + ": is missing; the plant decides it, it has no default");
            }
            return value;
        }

        String text(String key) {
            Object value = needed(key);
            if (value instanceof String text) {
                return text.strip();
            }
            throw refused(key, "a text", value);
        }

        TagId tag(String key) {
            String name = text(key);
            try {
                return new TagId(name);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(key + ": " + e.getMessage(), e);
            }
        }

        double number(String key) {
            Object value = needed(key);
            if (value instanceof Number number) {
                return number.doubleValue();
            }
            if (value instanceof String text) {
                try {
                    return Double.parseDouble(text.strip());
                } catch (NumberFormatException e) {
                    throw new IllegalArgumentException(key + ": a number, was '" + text + "'", e);
                }
            }
            throw refused(key, "a number", value);
        }

        long whole(String key) {
            double number = number(key);
            if (number != Math.rint(number) || Math.abs(number) > 1e15) {
                throw refused(key, "a whole number", properties.get(key));
            }
            return (long) number;
        }

        boolean flag(String key) {
            Object value = given(key) ? properties.get(key) : false;
            String text = String.valueOf(value).strip().toLowerCase(Locale.ROOT);
            if (text.equals("true") || text.equals("false")) {
                return text.equals("true");
            }
            throw refused(key, "true or false", String.valueOf(value));
        }

        Intent intent(String key) {
            Object value = given(key) ? properties.get(key) : "durable";
            return switch (String.valueOf(value).strip()) {
                case "durable" -> Intent.DURABLE;
                case "queued" -> Intent.QUEUED;
                default -> throw refused(key, "durable or queued", "'" + value + "'");
            };
        }

        Set<String> releases(String key) {
            List<String> releases = texts(properties.get(key));
            if (releases.isEmpty()) {
                throw new IllegalArgumentException(
                        key + ": is missing; name the releases the plant approved, e.g. \"coagulant-dose 1.0.0\"");
            }
            for (String release : releases) {
                if (!release.matches("\\S+ \\S+")) {
                    throw refused(key, "name, one space, version, e.g. 'coagulant-dose 1.0.0'", "'" + release + "'");
                }
            }
            return Set.copyOf(releases);
        }

        private static List<String> texts(@Nullable Object value) {
            if (value instanceof Object[] array) {
                return Arrays.stream(array).map(String::valueOf).toList();
            }
            if (value instanceof Collection<?> collection) {
                return collection.stream().map(String::valueOf).toList();
            }
            return value == null || value.toString().isBlank() ? List.of() : List.of(value.toString());
        }
    }
}
