// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.connector.opcua;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is known of the clocks behind the source times of one server, compared with ours at each arrival. It tells; what is
 * newer is never asked of a clock. Guarded by the lock of its {@link TagStates}.
 */
final class SourceClocks {
    private static final Logger LOG = LoggerFactory.getLogger(SourceClocks.class);
    private static final long NANOS_PER_MS = 1_000_000L;
    /** Less is values out of order; more is a clock that was set. */
    private static final long STEP_NS = 2_000_000_000L;

    /**
     * How far a source's clock may be from ours until it is told.
     *
     * @param refusesLeading whether a value that leads by more is refused; else it is used as of its arrival.
     */
    record Bounds(long maximumLeadMs, long maximumLagMs, boolean refusesLeading) {}

    /** Of one tag. */
    static final class Verdict {
        private boolean leads;
        private boolean lags;

        boolean leads() {
            return leads;
        }
    }

    private final String name;
    private final Bounds bounds;
    private final long leadNs;
    private final long lagNs;
    private int leading;
    private int lagging;
    private long leadTold;
    private long lagTold;
    private long stepsBack;
    private String lead = "";
    private String lag = "";

    SourceClocks(String name, Bounds bounds, long publishingIntervalMs) {
        this.name = name;
        this.bounds = bounds;
        leadNs = bounds.maximumLeadMs() * NANOS_PER_MS;
        lagNs = (bounds.maximumLagMs() + publishingIntervalMs) * NANOS_PER_MS;
    }

    boolean refusesLeading() {
        return bounds.refusesLeading();
    }

    boolean leads(long timeNs, long wallNs) {
        return timeNs > wallNs + leadNs;
    }

    /** @param fresh whether the value has changed since the last one from this session, so that its source time is of now. */
    void judge(Verdict verdict, Object tag, long timeNs, long wallNs, boolean fresh) {
        boolean leads = leads(timeNs, wallNs);
        if (leads != verdict.leads) {
            verdict.leads = leads;
            leading += leads ? 1 : -1;
            if (leads && leading == 1) {
                lead = tag + " by " + (timeNs - wallNs) / NANOS_PER_MS + " ms";
                if (rarely(++leadTold)) {
                    LOG.warn(
                            "{}: source time of {} ahead of this gateway's clock, at most {} ms are expected; its values are"
                                    + " {}; check both clocks",
                            name,
                            lead,
                            bounds.maximumLeadMs(),
                            bounds.refusesLeading() ? "refused (clockLead)" : "used as of their arrival");
                }
            }
        }
        boolean lags = timeNs != 0 && fresh && timeNs < wallNs - lagNs;
        if (fresh && lags != verdict.lags) {
            verdict.lags = lags;
            lagging += lags ? 1 : -1;
            if (lags && lagging == 1) {
                lag = tag + " by " + (wallNs / NANOS_PER_MS - timeNs / NANOS_PER_MS) + " ms";
                if (rarely(++lagTold)) {
                    LOG.warn(
                            "{}: a change of {} behind its source time, at most {} ms are expected; check both clocks and"
                                    + " whether the server is overloaded",
                            name,
                            lag,
                            lagNs / NANOS_PER_MS);
                }
            }
        }
    }

    /** The tag is not heard of any more. */
    void forget(Verdict verdict) {
        leading -= verdict.leads ? 1 : 0;
        lagging -= verdict.lags ? 1 : 0;
        verdict.leads = false;
        verdict.lags = false;
    }

    void wentBack(Object tag, long fromNs, long toNs) {
        if (toNs < fromNs - STEP_NS && rarely(++stepsBack)) {
            LOG.warn(
                    "{}: source time of {} went back by {} ms, {} times so far on this connection; its values are taken as they"
                            + " come; check the server's clock",
                    name,
                    tag,
                    fromNs / NANOS_PER_MS - toNs / NANOS_PER_MS,
                    stepsBack);
        }
    }

    /** Not once for each of a flood. */
    private static boolean rarely(long count) {
        return Long.bitCount(count) == 1;
    }

    /** What must stay visible for as long as it is so, empty if nothing. */
    String warning() {
        StringBuilder words = new StringBuilder();
        if (leading > 0) {
            words.append("source times of ")
                    .append(leading)
                    .append(" tags are ahead of this gateway's clock, first ")
                    .append(lead)
                    .append(bounds.refusesLeading() ? ", values refused" : ", values used as of their arrival")
                    .append("; check both clocks");
        }
        if (lagging > 0) {
            words.append(words.isEmpty() ? "" : "; ")
                    .append("changes of ")
                    .append(lagging)
                    .append(" tags come late after their source times, first ")
                    .append(lag)
                    .append("; check both clocks");
        }
        return words.toString();
    }
}
