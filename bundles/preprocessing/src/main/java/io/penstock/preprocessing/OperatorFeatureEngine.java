// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.preprocessing;

import io.penstock.api.data.Features;
import io.penstock.api.model.ModelContract;
import io.penstock.api.model.ModelContract.FeatureSpec;
import io.penstock.api.model.ModelContract.InputSpec;
import io.penstock.api.model.ModelContract.MissingPolicy;
import io.penstock.api.model.ModelContract.TensorSpec;
import io.penstock.api.model.OperatorSpec;
import io.penstock.api.preprocessing.FeatureEngine;
import io.penstock.api.preprocessing.FeatureProgram;
import io.penstock.api.preprocessing.GridOperator;
import io.penstock.api.preprocessing.Operator;
import io.penstock.api.preprocessing.OperatorFactory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;

/** Compiles contracts with the operators of this room and those of the whiteboard. */
@Component
public final class OperatorFeatureEngine implements FeatureEngine {
    private static final long NANOS_PER_MS = 1_000_000L;

    /** Largest tensor: 32 MiB of doubles. */
    private static final long MOST_ELEMENTS = 1L << 22;

    private final Units units = new Units();
    private final Map<String, OperatorFactory> standard = new TreeMap<>();

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile Collection<OperatorFactory> whiteboard = List.of();

    @Activate
    public OperatorFeatureEngine() {
        for (OperatorFactory factory : StandardOperators.all(units)) {
            standard.put(factory.operator(), factory);
        }
    }

    OperatorFeatureEngine(Collection<OperatorFactory> further) {
        this();
        whiteboard = List.copyOf(further);
    }

    @Override
    public Optional<UnitConversion> conversion(String fromUnit, String toUnit) {
        return units.conversion(fromUnit, toUnit);
    }

    @Override
    public FeatureProgram compile(ModelContract contract) {
        return new Compilation(contract, List.copyOf(whiteboard)).program();
    }

    @Override
    public ProgramMemory memory(ModelContract contract, long shortestCycleMs) {
        List<OperatorFactory> further = List.copyOf(whiteboard);
        return new ProgramSize(contract, shortestCycleMs, (where, spec) -> factory(where, spec, further)).memory();
    }

    private OperatorFactory factory(String where, OperatorSpec spec, List<OperatorFactory> further) {
        OperatorFactory own = standard.get(spec.operator());
        if (own != null) {
            return own;
        }
        List<OperatorFactory> found = further.stream()
                .filter(factory -> factory.operator().equals(spec.operator()))
                .toList();
        if (found.size() > 1) {
            throw new IllegalArgumentException(where + "operator '" + spec.operator() + "' is provided by "
                    + found.size() + " bundles; remove all but one");
        }
        if (found.isEmpty()) {
            Set<String> known = new TreeSet<>(standard.keySet());
            further.forEach(factory -> known.add(factory.operator()));
            throw new IllegalArgumentException(
                    where + "operator '" + spec.operator() + "' is unknown; this gateway knows " + known);
        }
        return found.get(0);
    }

    /** One contract on its way to a program. */
    private final class Compilation {
        private final ModelContract contract;
        private final List<OperatorFactory> further;
        private final Map<String, Integer> inputs = new HashMap<>();
        private final Map<String, Integer> features = new HashMap<>();
        private final Map<String, Integer> occurrences = new HashMap<>();

        Compilation(ModelContract contract, List<OperatorFactory> further) {
            this.contract = contract;
            this.further = further;
        }

        FeatureProgram program() {
            InputGate[] gates = new InputGate[contract.inputs().size()];
            for (InputSpec input : contract.inputs()) {
                check(input);
                gates[inputs.size()] = new InputGate(input);
                unique(inputs, input.name(), "input");
            }
            Chain[] chains = new Chain[contract.features().size()];
            for (FeatureSpec feature : contract.features()) {
                chains[features.size()] = chain(feature);
                unique(features, feature.name(), "feature");
            }
            Ring[] rings = new Ring[contract.tensors().size()];
            List<Features.Layout> layouts = new ArrayList<>();
            Set<String> tensors = new HashSet<>();
            for (TensorSpec tensor : contract.tensors()) {
                if (!tensors.add(tensor.name())) {
                    throw new IllegalArgumentException("tensor '" + tensor.name() + "': stands twice; rename one");
                }
                int[] columns = columns(tensor);
                rings[layouts.size()] = ring(tensor, columns);
                layouts.add(new Features.Layout(
                        tensor.name(),
                        tensor.rows(),
                        IntStream.of(columns).boxed().toList()));
            }
            return new CompiledProgram(
                    contract.name() + ' ' + contract.version(),
                    contract.features().stream().map(FeatureSpec::name).toList(),
                    layouts,
                    contract.cycleMs() * NANOS_PER_MS,
                    gates,
                    chains,
                    rings);
        }

        private void unique(Map<String, Integer> names, String name, String what) {
            if (names.put(name, names.size()) != null) {
                throw new IllegalArgumentException(what + " '" + name + "': stands twice; rename one");
            }
        }

        private void check(InputSpec input) {
            String where = "input '" + input.name() + "'";
            if (input.maximumAgeMs() < 1) {
                throw new IllegalArgumentException(where + ": maximumAgeMs: at least 1, was " + input.maximumAgeMs());
            }
            if (!(input.low() < input.high())) {
                throw new IllegalArgumentException(
                        where + ": range: low below high, was " + input.low() + " to " + input.high());
            }
            if (input.missing() == MissingPolicy.HOLD_LAST && input.holdMs() < 1) {
                throw new IllegalArgumentException(
                        where + ": missing.holdMs: at least 1 for holdLast, was " + input.holdMs());
            }
            if (input.missing() == MissingPolicy.CONSTANT && !Double.isFinite(input.constant())) {
                throw new IllegalArgumentException(
                        where + ": missing.constant: a finite number, was " + input.constant());
            }
        }

        private Chain chain(FeatureSpec feature) {
            int input = inputs.getOrDefault(feature.input(), -1);
            if (input < 0) {
                throw new IllegalArgumentException("feature '" + feature.name() + "': input '" + feature.input()
                        + "' is unknown; the contract has " + new TreeSet<>(inputs.keySet()));
            }
            List<Chain.Step> steps = new ArrayList<>();
            List<Operator> operators = new ArrayList<>();
            OptionalInt grid = gridOperator(feature);
            InputSpec source = contract.inputs().get(input);
            StringBuilder key = new StringBuilder(source.name() + '[' + source.unit() + ']');
            for (int i = 0; i < feature.operators().size(); i++) {
                OperatorSpec spec = feature.operators().get(i);
                if (grid.isEmpty() ? i == 0 : i == grid.getAsInt() + 1) {
                    key.append(" @").append(contract.cycleMs()); // windows of cycles mean nothing on another grid
                }
                key.append(" | ").append(spec);
                OperatorFactory factory = factory(where(feature, i), spec, further);
                Operator operator = create(where(feature, i), factory, spec);
                if (operator instanceof Stale && grid.isPresent() && i < grid.getAsInt()) {
                    throw new IllegalArgumentException(where(feature, i) + "stale: after "
                            + feature.operators().get(grid.getAsInt()).operator() + ", was before it");
                }
                operators.add(operator);
                steps.add(new Chain.Step(spec, factory, reference(where(feature, i), spec), key.toString()));
            }
            int occurrence = occurrences.merge(key.toString(), 1, Integer::sum) - 1;
            return new Chain(
                    input,
                    List.copyOf(steps),
                    operators.toArray(Operator[]::new),
                    occurrence,
                    source.missing() == MissingPolicy.NAN);
        }

        private String where(FeatureSpec feature, int operator) {
            return "feature '" + feature.name() + "', operator " + (operator + 1) + ": ";
        }

        private OptionalInt gridOperator(FeatureSpec feature) {
            OptionalInt found = OptionalInt.empty();
            for (int i = 0; i < feature.operators().size(); i++) {
                OperatorSpec spec = feature.operators().get(i);
                if (create(where(feature, i), factory(where(feature, i), spec, further), spec)
                        instanceof GridOperator) {
                    if (found.isPresent()) {
                        throw new IllegalArgumentException(where(feature, i) + spec.operator()
                                + ": at most one of the operators that make a grid, was a second after "
                                + feature.operators().get(found.getAsInt()).operator());
                    }
                    found = OptionalInt.of(i);
                }
            }
            return found;
        }

        private Operator create(String where, OperatorFactory factory, OperatorSpec spec) {
            try {
                return factory.create(spec);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(where + e.getMessage(), e);
            }
        }

        private int reference(String where, OperatorSpec spec) {
            if (!spec.parameterNames().contains("reference")) {
                return -1;
            }
            String name = spec.text("reference");
            int input = inputs.getOrDefault(name, -1);
            if (input < 0) {
                throw new IllegalArgumentException(where + spec.operator() + ".reference: one of the inputs "
                        + new TreeSet<>(inputs.keySet()) + ", was " + name);
            }
            return input;
        }

        private int[] columns(TensorSpec tensor) {
            String where = "tensor '" + tensor.name() + "': ";
            int[] columns = new int[tensor.features().size()];
            for (int i = 0; i < columns.length; i++) {
                String name = tensor.features().get(i);
                columns[i] = features.getOrDefault(name, -1);
                if (columns[i] < 0) {
                    throw new IllegalArgumentException(where + "feature '" + name + "' is unknown; the contract has "
                            + new TreeSet<>(features.keySet()));
                }
            }
            if (columns.length == 0) {
                throw new IllegalArgumentException(where + "features: at least 1, was 0");
            }
            if (tensor.rows() < 1) {
                throw new IllegalArgumentException(where + "rows: at least 1, was " + tensor.rows());
            }
            long elements = (long) tensor.rows() * columns.length;
            if (elements > MOST_ELEMENTS) {
                throw new IllegalArgumentException(
                        where + "rows x features: at most " + MOST_ELEMENTS + ", was " + elements);
            }
            long product = 1;
            for (long size : tensor.shape()) {
                if (size < 1 || size > MOST_ELEMENTS || product > MOST_ELEMENTS) {
                    throw new IllegalArgumentException(
                            where + "shape: sizes from 1 to " + MOST_ELEMENTS + ", was " + tensor.shape());
                }
                product *= size;
            }
            if (product != elements) {
                throw new IllegalArgumentException(where + "shape: its product is rows x features = " + tensor.rows()
                        + " x " + columns.length + ", was " + tensor.shape());
            }
            return columns;
        }

        private Ring ring(TensorSpec tensor, int[] columns) {
            StringBuilder key =
                    new StringBuilder("tensor of " + tensor.rows() + " rows @" + contract.cycleMs() + " of");
            boolean[] allowsNaN = new boolean[columns.length];
            for (int i = 0; i < columns.length; i++) {
                FeatureSpec feature = contract.features().get(columns[i]);
                InputSpec input = contract.inputs().get(inputs.get(feature.input()));
                key.append(" {")
                        .append(input.name())
                        .append('[')
                        .append(input.unit())
                        .append(']');
                feature.operators().forEach(spec -> key.append(" | ").append(spec));
                key.append('}');
                allowsNaN[i] = input.missing() == MissingPolicy.NAN;
            }
            return new Ring(key.toString(), tensor.rows(), columns, allowsNaN);
        }
    }
}
