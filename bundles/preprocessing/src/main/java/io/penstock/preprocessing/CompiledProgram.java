// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.Features;
import io.penstock.api.data.Frame;
import io.penstock.api.data.StatusCode;
import io.penstock.api.preprocessing.FeatureProgram;
import io.penstock.api.preprocessing.Signal;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Gates, chains and rings of one contract, run in that order once per frame. */
final class CompiledProgram implements FeatureProgram {
    private static final Logger LOG = LoggerFactory.getLogger(CompiledProgram.class);
    private static final String CLOCK = "clock";
    private static final int CODE = 0xFFFF0000;

    /** A frame older than the last by less is a straggler and is left out; by more, the clock was set back. */
    private static final long CLOCK_STEP_NS = 2_000_000_000L;

    private final String model;
    private final List<String> featureNames;
    private final List<Features.Layout> layouts;
    private final long cycleNs;
    private final InputGate[] gates;
    private final Chain[] chains;
    private final Ring[] rings;
    private final boolean[] inTensor;

    private final double[] values;
    private final int[] statuses;
    private final int[] featureFlags;
    private int status = StatusCode.BAD_WAITING_FOR_INITIAL_DATA;
    private boolean started;
    private long lastNs;
    private int cause;
    private long stragglers;
    private long clockSteps;
    private long refusedStates;
    private long unsavedStates;

    CompiledProgram(
            String model,
            List<String> featureNames,
            List<Features.Layout> layouts,
            long cycleNs,
            InputGate[] gates,
            Chain[] chains,
            Ring[] rings) {
        this.model = model;
        this.featureNames = featureNames;
        this.layouts = layouts;
        this.cycleNs = cycleNs;
        this.gates = gates;
        this.chains = chains;
        this.rings = rings;
        values = new double[chains.length];
        statuses = new int[chains.length];
        featureFlags = new int[chains.length];
        inTensor = new boolean[chains.length];
        for (Ring ring : rings) {
            for (int column : ring.columns) {
                inTensor[column] = true;
            }
        }
        Arrays.fill(values, Double.NaN);
        Arrays.fill(statuses, StatusCode.BAD_WAITING_FOR_INITIAL_DATA);
    }

    @Override
    public Features newFeatures() {
        return new Features(featureNames, layouts);
    }

    @Override
    public void apply(Frame frame, Features features) {
        if (frame.size() != gates.length) {
            throw new IllegalArgumentException("frame: " + gates.length + " inputs as in the contract of " + model
                    + ", was " + frame.size() + "; make it with the contract's input names");
        }
        if (accepts(frame.instantNs())) {
            status = compute(frame);
        }
        for (int i = 0; i < values.length; i++) {
            features.set(i, values[i], statuses[i]);
        }
        for (int i = 0; i < rings.length; i++) {
            rings[i].copyTo(features.tensor(i));
        }
        features.setStatus(status);
    }

    private boolean accepts(long instantNs) {
        if (started && instantNs <= lastNs) {
            if (lastNs - instantNs < CLOCK_STEP_NS) {
                stragglers++;
                return false;
            }
            clockSteps++;
            LOG.warn(
                    "{}: the clock went back by {} ms; all windows begin anew",
                    model,
                    (lastNs - instantNs) / 1_000_000);
            forget();
        } else if (started && cycleNs > 0) {
            for (Ring ring : rings) {
                if (instantNs - lastNs > ring.rows() * cycleNs) {
                    ring.forget();
                }
            }
        }
        started = true;
        lastNs = instantNs;
        return true;
    }

    private void forget() {
        for (InputGate gate : gates) {
            gate.forget();
        }
        for (Chain chain : chains) {
            chain.forget();
        }
        for (Ring ring : rings) {
            ring.forget();
        }
    }

    private int compute(Frame frame) {
        cause = StatusCode.GOOD;
        int flags = 0;
        for (int i = 0; i < gates.length; i++) {
            gates[i].take(frame, i);
            flags |= gates[i].flags;
            if ((gates[i].flags & Flags.BAD) != 0) {
                because(gates[i].status);
            }
        }
        for (int i = 0; i < chains.length; i++) {
            InputGate gate = gates[chains[i].input];
            Signal signal = chains[i].run(frame, gate);
            values[i] = signal.value;
            statuses[i] = signal.status;
            featureFlags[i] = flags(i, gate);
            flags |= featureFlags[i];
        }
        for (Ring ring : rings) {
            ring.push(values, featureFlags);
            flags |= ring.flags();
        }
        return Flags.toStatus(flags, cause == StatusCode.GOOD ? StatusCode.BAD : cause);
    }

    private int flags(int feature, InputGate gate) {
        boolean required = gate.spec.required();
        if (!StatusCode.isBad(statuses[feature])) {
            return (gate.flags & ~Flags.BAD) | Flags.of(statuses[feature], required);
        }
        if (gate.allowsNaN()) {
            return required ? Flags.SUB_NORMAL : Flags.OPTIONAL;
        }
        if (!required && !inTensor[feature]) {
            return Flags.OPTIONAL;
        }
        if ((gate.flags & Flags.BAD) == 0) {
            because(statuses[feature]);
        }
        return Flags.BAD;
    }

    /** All causes agree: that one. Else Bad. */
    private void because(int bad) {
        int code = bad & CODE;
        cause = cause == StatusCode.GOOD || cause == code ? code : StatusCode.BAD;
    }

    @Override
    public Map<String, byte[]> saveState() {
        Map<String, byte[]> state = new TreeMap<>();
        if (!started) {
            return state;
        }
        long instantNs = lastNs;
        state.put(CLOCK, StateEnvelope.close(out -> out.writeLong(instantNs)));
        for (InputGate gate : gates) {
            if (gate.hasMemory()) {
                state.put(gate.key(), StateEnvelope.close(gate::save));
            }
        }
        for (Chain chain : chains) {
            for (int step = 0; step < chain.size(); step++) {
                byte[] saved = save(chain, step);
                if (saved != null && !StateEnvelope.isEmpty(saved)) {
                    state.put(chain.key(step), saved);
                }
            }
        }
        for (Ring ring : rings) {
            if (ring.hasMemory()) {
                state.put(ring.key(), StateEnvelope.close(ring::save));
            }
        }
        return state;
    }

    @Override
    public Restored restoreState(Map<String, byte[]> state) {
        int restored = 0;
        int total = 0;
        byte[] clock = state.get(CLOCK);
        if (clock != null && open(CLOCK, clock, in -> lastNs = in.readLong())) {
            started = true;
        }
        for (InputGate gate : gates) {
            if (gate.hasMemory()) {
                total++;
                byte[] saved = state.get(gate.key());
                if (saved != null && open(gate.key(), saved, gate::restore)) {
                    restored++;
                } else if (saved != null) {
                    gate.forget(); // refused, perhaps at its very end
                }
            }
        }
        for (Chain chain : chains) {
            for (int step = 0; step < chain.size(); step++) {
                byte[] now = save(chain, step);
                if (now == null || !StateEnvelope.isEmpty(now)) {
                    total++;
                    byte[] own = state.get(chain.key(step));
                    byte[] saved = own != null ? own : state.get(chain.sharedKey(step));
                    restored += saved != null && restore(chain, step, saved) ? 1 : 0;
                }
            }
        }
        for (Ring ring : rings) {
            if (ring.hasMemory()) {
                total++;
                byte[] saved = state.get(ring.key());
                if (saved != null && open(ring.key(), saved, ring::restore)) {
                    restored++;
                } else if (saved != null) {
                    ring.forget(); // refused, perhaps at its very end
                }
            }
        }
        return new Restored(restored, total);
    }

    /** Null where the operator, of somebody else, cannot tell its state: it begins anew wherever others go on. */
    private byte @Nullable [] save(Chain chain, int step) {
        try {
            return chain.save(step);
        } catch (RuntimeException e) {
            if (unsavedStates++ == 0) {
                LOG.warn(
                        "{}: '{}' and perhaps others cannot save their state and will begin anew; update the bundle that"
                                + " provides them",
                        model,
                        chain.key(step),
                        e);
            }
            return null;
        }
    }

    private boolean open(String key, byte[] saved, StateEnvelope.Reader reader) {
        try {
            StateEnvelope.open(saved, reader);
            return true;
        } catch (IOException | RuntimeException e) {
            return refused(key, e);
        }
    }

    private boolean restore(Chain chain, int step, byte[] saved) {
        try {
            chain.restore(step, saved);
            return true;
        } catch (IOException | RuntimeException e) {
            return refused(chain.key(step), e);
        }
    }

    private boolean refused(String key, Exception e) {
        if (refusedStates++ == 0) {
            LOG.warn(
                    "{}: '{}' and perhaps others begin anew, their saved state cannot be used: {}",
                    model,
                    key,
                    e.toString());
        } else {
            LOG.debug("{}: '{}' begins anew: {}", model, key, e.toString());
        }
        return false;
    }

    /** Frames that were not newer than the one before. */
    long stragglers() {
        return stragglers;
    }

    long clockSteps() {
        return clockSteps;
    }

    long refusedStates() {
        return refusedStates;
    }

    long unsavedStates() {
        return unsavedStates;
    }

    /** Samples before a grid operator that came out of order or from the future. */
    long droppedSamples() {
        long dropped = 0;
        for (Chain chain : chains) {
            dropped += chain.dropped();
        }
        return dropped;
    }
}
