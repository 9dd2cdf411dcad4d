// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.inference.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.penstock.api.data.Features;
import io.penstock.api.data.Prediction;
import io.penstock.api.data.StatusCode;
import io.penstock.api.inference.InferenceSession;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.ElementType;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.ModelContract.OutputSpec;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One open model. What a run touches is allocated in {@link #pin} and reused. */
final class OnnxSession implements InferenceSession {
    private static final long CLOSE_NANOS = 2_000_000_000L; // beyond the limit of a run in progress
    private static final Logger LOG = LoggerFactory.getLogger(OnnxSession.class);

    private final ModelIdentity identity;
    private final ModelContract contract;
    private final OrtEnvironment environment;
    private final OrtSession session;
    private final RunGuard guard;
    private final TensorBuffer[] inputs;
    private final Map<String, OnnxTensor> inputTensors = new HashMap<>();
    private final List<TensorBuffer> outputs = new ArrayList<>();
    private final Map<String, OnnxTensor> outputTensors = new HashMap<>();
    /** For each output of the contract: where it is found. */
    private final TensorBuffer[] sources;

    private final int[] indices;
    /** For each column of each tensor: whether its input's missing policy lets NaN through. */
    private final boolean[][] takesNaN;

    private volatile String lastError = "";

    OnnxSession(
            ModelIdentity identity,
            ModelContract contract,
            OrtEnvironment environment,
            OrtSession session,
            long limitNanos,
            Runnable closed)
            throws OrtException {
        this.identity = identity;
        this.contract = contract;
        this.environment = environment;
        this.session = session;
        inputs = new TensorBuffer[contract.tensors().size()];
        sources = new TensorBuffer[contract.outputs().size()];
        takesNaN = takesNaN(contract);
        indices = contract.outputs().stream().mapToInt(OutputSpec::index).toArray();
        guard = new RunGuard(identity.label(), limitNanos, () -> {
            free();
            closed.run();
        });
    }

    private static boolean[][] takesNaN(ModelContract contract) {
        Set<String> inputs = contract.inputs().stream()
                .filter(input -> input.missing() == MissingPolicy.NAN)
                .map(InputSpec::name)
                .collect(Collectors.toSet());
        Set<String> features = contract.features().stream()
                .filter(feature -> inputs.contains(feature.input()))
                .map(FeatureSpec::name)
                .collect(Collectors.toSet());
        boolean[][] takes = new boolean[contract.tensors().size()][];
        for (int i = 0; i < takes.length; i++) {
            List<String> columns = contract.tensors().get(i).features();
            takes[i] = new boolean[columns.size()];
            for (int column = 0; column < columns.size(); column++) {
                takes[i][column] = features.contains(columns.get(column));
            }
        }
        return takes;
    }

    /** Makes the input tensors. */
    void allocateInputs(Wiring wiring) throws OrtException, ModelRejectedException {
        for (int i = 0; i < inputs.length; i++) {
            TensorSpec spec = contract.tensors().get(i);
            long[] shape = spec.shape().stream().mapToLong(Long::longValue).toArray();
            inputs[i] = TensorBuffer.allocate(environment, spec, shape, wiring.elements("input", spec.name(), shape));
            inputTensors.put(spec.name(), inputs[i].tensor);
        }
    }

    /**
     * Runs once with outputs that ONNX Runtime allocates, to learn their shapes.
     *
     * @return shapes by name; null if the run was past its limit.
     */
    @Nullable
    Map<String, long[]> probe(Features features, Set<String> names) throws OrtException {
        if (!guard.begin()) {
            throw new OrtException("the session is closed");
        }
        OrtException failure = null;
        Map<String, long[]> shapes = new HashMap<>();
        try {
            for (int i = 0; i < inputs.length; i++) {
                inputs[i].fill(features.tensor(i));
            }
            try (OrtSession.Result result = session.run(inputTensors, names, guard.options())) {
                for (Map.Entry<String, OnnxValue> value : result) {
                    shapes.put(
                            value.getKey(),
                            ((OnnxTensor) value.getValue()).getInfo().getShape());
                }
            }
        } catch (OrtException e) {
            failure = e;
        }
        if (!guard.end()) {
            return null;
        }
        if (failure != null) {
            throw failure;
        }
        return shapes;
    }

    /** Makes the output tensors, by the shapes of an answer. */
    void pin(Map<String, ElementType> types, Map<String, long[]> shapes, Wiring wiring)
            throws OrtException, ModelRejectedException {
        Map<String, TensorBuffer> made = new HashMap<>();
        for (Map.Entry<String, ElementType> type : types.entrySet()) {
            String name = type.getKey();
            long[] shape = shapes.getOrDefault(name, new long[0]);
            TensorBuffer buffer =
                    TensorBuffer.allocate(environment, type.getValue(), shape, wiring.elements("output", name, shape));
            outputs.add(buffer);
            made.put(name, buffer);
            outputTensors.put(name, buffer.tensor);
        }
        for (int i = 0; i < sources.length; i++) {
            sources[i] = made.get(contract.outputs().get(i).tensor());
        }
    }

    @Override
    public ModelIdentity model() {
        return identity;
    }

    RunGuard guard() {
        return guard;
    }

    @Override
    public int run(Features features, Prediction prediction) {
        if (!guard.begin()) {
            return guard.closed()
                    ? fail(prediction, StatusCode.BAD_INTERNAL_ERROR, "the session is closed; open the model again")
                    : fail(prediction, StatusCode.BAD_TIMEOUT, "the previous run has not ended");
        }
        String error;
        try {
            error = attempt(features, prediction);
        } catch (OrtException | RuntimeException e) {
            error = Text.of(e);
        } catch (Throwable e) {
            guard.end();
            throw e;
        }
        if (!guard.end()) {
            return fail(
                    prediction,
                    StatusCode.BAD_TIMEOUT,
                    "no answer within " + guard.limit() / 1_000_000 + " ms (budget.deadlineMs of the contract)");
        }
        if (error != null) {
            return fail(prediction, StatusCode.BAD_INTERNAL_ERROR, error);
        }
        if (!lastError.isEmpty()) {
            lastError = "";
        }
        return StatusCode.GOOD;
    }

    /** @return why there is no answer, null where there is one. */
    private @Nullable String attempt(Features features, Prediction prediction) throws OrtException {
        List<Features.Layout> layouts = features.layouts();
        if (layouts.size() != inputs.length || prediction.size() != sources.length) {
            return "the contract has " + inputs.length + " tensors and " + sources.length
                    + " outputs, the caller brings " + layouts.size() + " and " + prediction.size();
        }
        for (int i = 0; i < inputs.length; i++) {
            double[] values = features.tensor(i);
            TensorSpec spec = contract.tensors().get(i);
            if (!layouts.get(i).name().equals(spec.name())
                    || values.length != spec.rows() * spec.features().size()) {
                return "tensor " + i + " of the contract is " + spec.name() + " with "
                        + spec.rows() * spec.features().size() + " elements, the caller brings "
                        + layouts.get(i).name() + " with " + values.length;
            }
            int unwanted = unwantedNaN(values, takesNaN[i]);
            if (unwanted >= 0) {
                return element(spec, unwanted) + " is NaN, which the missing policy of its input does not let through";
            }
            int refused = inputs[i].fill(values);
            if (refused >= 0) {
                return element(spec, refused) + " = " + values[refused] + " " + inputs[i].refusal();
            }
        }
        for (int i = 0; i < sources.length; i++) {
            sources[i].forget(indices[i]);
        }
        session.run(inputTensors, Set.of(), outputTensors, guard.options()).close();
        for (int i = 0; i < sources.length; i++) {
            double value = sources[i].get(indices[i]);
            if (!Double.isFinite(value)) {
                OutputSpec spec = contract.outputs().get(i);
                return "output " + spec.name() + " (" + spec.tensor() + "[" + spec.index() + "]) is " + value;
            }
            prediction.set(i, value, StatusCode.GOOD);
        }
        return null;
    }

    /** @return index of the first NaN where none may be, or -1. */
    private static int unwantedNaN(double[] values, boolean[] takes) {
        int column = 0;
        for (int i = 0; i < values.length; i++) {
            if (Double.isNaN(values[i]) && !takes[column]) {
                return i;
            }
            column = column + 1 == takes.length ? 0 : column + 1;
        }
        return -1;
    }

    private static String element(TensorSpec spec, int index) {
        int columns = spec.features().size();
        return "feature " + spec.features().get(index % columns) + " (tensor " + spec.name() + ", row "
                + index / columns + ")";
    }

    private int fail(Prediction prediction, int status, String reason) {
        prediction.setAll(status);
        lastError = identity.label() + ": " + reason;
        return status;
    }

    @Override
    public String lastError() {
        return lastError;
    }

    @Override
    public void close() {
        if (!guard.close(guard.limit() + CLOSE_NANOS)) {
            LOG.warn("Model {} is still running; its memory is freed when that run ends", identity.label());
        }
    }

    private void free() {
        for (TensorBuffer buffer : outputs) {
            buffer.close();
        }
        for (TensorBuffer buffer : inputs) {
            if (buffer != null) {
                buffer.close();
            }
        }
        try {
            session.close();
        } catch (OrtException e) {
            LOG.warn("Model {} was not freed: {}", identity.label(), Text.of(e));
        }
    }
}
