// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import io.penstock.api.data.StatusCode;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.model.Receipt;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.inject.Inject;
import org.junit.After;
import org.junit.Before;
import org.junit.FixMethodOrder;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.junit.runners.MethodSorters;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.BundleContext;

/** Files as they arrive on a bad day: each is refused whole, and the pipeline that runs does not notice. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
@FixMethodOrder(MethodSorters.NAME_ASCENDING)
public class BadConfigurationIT {
    private static final String LINE = "io.penstock.pipeline~line.cfg.json";
    private static final String GOOD = """
            { "name": "line", "model": "line", "versionRange": "[1.0,100.0)", "trigger": "grid", "periodMs": 20,
              "bindings": ["x=X"], "resultQueue": 65536, "catchUpMs": 60000 }
            """;

    @Inject
    private BundleContext context;

    private Path etc;
    private Plant plant;
    private Recorder recorder;
    private Pipeline pipeline;

    @Configuration
    public Option[] gateway() throws IOException {
        Path home = Shipped.newHome("bad-configuration");
        Releases releases = new Releases().trustedBy(home);
        releases.write(home.resolve("made"), 1, new Releases.Model(20, "NTU", 0));
        Files.write(home.resolve("made/celsius.penstock"), releases.release(2, 2, new Releases.Model(20, "CEL", 0)));
        return new Option[] {Shipped.gateway(home)};
    }

    @Before
    public void start() throws IOException {
        etc = Framework.home(context).resolve("etc");
        plant = new Plant(context, 10_000_000, 4, k -> 9);
        recorder = new Recorder(context);
        pipeline = Framework.pipeline(context, 20);
        if (Framework.served(pipeline) == 0) {
            Framework.deploy(context, pipeline, 1);
        }
        Framework.await(
                "good results",
                20,
                () -> recorder.size() > 0 && StatusCode.isGood(recorder.last().status()));
        recorder.clear();
    }

    /** Whatever was dropped: the plant got an answer at every point of the grid, from the same model. */
    @After
    public void stop() {
        int size = recorder.size();
        Framework.await("the pipeline goes on", 10, () -> recorder.size() > size + 5);
        List<Recorder.Result> results = recorder.results();
        for (int i = 1; i < results.size(); i++) {
            assertEquals(
                    20_000_000, results.get(i).instantNs() - results.get(i - 1).instantNs());
            assertEquals(1, results.get(i).version());
            assertTrue(StatusCode.isGood(results.get(i).status()));
        }
        Framework.awaitAllActive(context);
        recorder.close();
        plant.close();
    }

    // A slip of the pen would stop a running pipeline, or take effect as something nobody wrote.
    @Test
    public void a_changesWithAFaultAreRefusedWhole() throws IOException {
        refused(LINE, GOOD.replace("periodMs", "perodMs"), "unknown key 'perodMs', did you mean 'periodMs'?");
        refused(
                LINE,
                GOOD.replace("\"periodMs\": 20", "\"periodMs\": \"20\""),
                "periodMs: a whole number is needed, was '20'");
        refused(LINE, GOOD.replace("\"periodMs\": 20", "\"periodMs\": 0"), "periodMs: 1 to ");
        refused(LINE, GOOD.replace("\"model\": \"line\",", ""), "key 'model' is missing");
        refused(LINE, GOOD.replace("60000 }", "60000, \"mode\": \"CLOSED\" }"), "never by a file");
        refused(
                LINE,
                GOOD.replace("\"periodMs\": 20,", "\"periodMs\": 20, \"periodMs\": 40,"),
                "key 'periodMs' stands twice, again in line 1");
        refused(LINE, GOOD.replace("\"model\": \"line\"", "\"model\": null"), "model: a text, a number, true, false");
        refused(LINE, GOOD.replace("\"x=X\"", "\"x=X\", 1"), "bindings: a list, each a text, is needed, was a list");
        refused(LINE, GOOD.replace("65536", "6553600000000"), "resultQueue: a whole number of at most 2147483647");
        refused(LINE, GOOD.replace("65536", "18446744073709551617"), "larger than any number here");
        refused(LINE, GOOD + GOOD, "it is not JSON at line 3");
        refused(LINE, GOOD.substring(0, 60), "it is not JSON at line 1");
        Files.writeString(etc.resolve("tags/" + LINE), GOOD.replace("20", "40"));
        Framework.await("a file at the wrong place is named", 15, () -> Framework.log(context, 0)
                .contains("is not read: configuration files lie in"));
        Files.delete(etc.resolve("tags/" + LINE));
        assertEquals(1, Framework.served(pipeline));
    }

    // A good change after bad ones would be lost too, and only a restart would help.
    @Test
    public void b_theNextGoodFileIsTaken() throws IOException {
        long log = Framework.logEnd(context);
        Framework.drop(etc.resolve("io.penstock.models.cfg.json"), "{ \"pollMs\": 100 }");
        awaitLog(log, "io.penstock.models.cfg.json taken");
        Framework.await("models back", 10, () -> !Framework.service(context, ModelCatalog.class)
                .receipts()
                .isEmpty());
    }

    // A component would start without the limit that keeps the machine safe, or with another room's file.
    @Test
    public void c_newFilesWithAFaultAreRefused() throws IOException {
        refused("io.penstock.actuation~loop.cfg.json", """
                { "name": "loop", "pipeline": "line", "output": "y", "target": "SP", "low": 2 }
                """, "key 'high' is missing");
        refused("io.penstock.pipelin~typo.cfg.json", GOOD, "no bundle here has a component 'io.penstock.pipelin'");
        Files.writeString(etc.resolve("tags/bad.csv"), """
                Tag;Address;DataType;PeriodMs;Access
                A;holding-register:1;FLOAT;250;R
                A;holding-register:3;REAL;soon;R
                """);
        String plc = """
                { "name": "plc", "url": "modbus-tcp://127.0.0.1:1", "unitIdentifier": 1, "tags": "%s", "lossToBadMs": 1000 }
                """;
        refused(
                "io.penstock.connector.plc4x~plc.cfg.json",
                plc.formatted("bad.csv"),
                "bad.csv, line 2, column DataType");
        refused("io.penstock.connector.plc4x~plc.cfg.json", plc.formatted("none.csv"), "none.csv");
    }

    // Nobody would know why the SCADA sees no results, and freeing the port would not help.
    @Test
    public void d_aPortInUseIsNamedAndTriedAgain() throws IOException {
        long log = Framework.logEnd(context);
        int port;
        InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        try (ServerSocket other = new ServerSocket(0, 1, loopback)) {
            port = other.getLocalPort();
            Framework.drop(etc.resolve("io.penstock.publication.opcua.cfg.json"), "{ \"port\": " + port + " }");
            awaitLog(log, "port " + port);
        }
        Framework.await("results server on port " + port, 30, () -> {
            try (Socket client = new Socket(loopback, port)) {
                return client.isConnected();
            } catch (IOException e) {
                return false;
            }
        });
        Files.delete(etc.resolve("io.penstock.publication.opcua.cfg.json"));
    }

    // A temperature would be fed to a model that was trained on turbidity.
    @Test
    public void e_aModelInAnotherUnitIsRefused() throws IOException {
        Framework.drop(etc.resolveSibling("made/celsius.penstock"), etc.resolveSibling("releases"), "celsius.penstock");
        String reason = awaitReason("celsius.penstock", "the model wants 'CEL'");
        assertTrue(reason, reason.contains("'NTU'"));
        assertEquals(1, Framework.served(pipeline));
    }

    // A pipeline would predict from inputs that nobody gave it.
    @Test
    public void f_aPipelineWithAnUnboundInputGetsNoModel() throws IOException {
        Path file = etc.resolve("io.penstock.pipeline~blind.cfg.json");
        Framework.drop(
                file, GOOD.replace("\"name\": \"line\"", "\"name\": \"blind\"").replace("x=X", "other=X"));
        awaitReason("", "input 'x' of model line 1.0.0 is not bound");
        Files.delete(file);
    }

    // Who asks afterwards what was changed, and what was refused, would find nothing.
    @Test
    public void g_refusalsAreInTheAudit() throws IOException {
        Framework.await("refusals in the audit", 10, () -> {
            try (Stream<Path> files = Files.list(etc.resolveSibling("data/audit"))) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".jsonl")).toList()) {
                    if (Files.readString(file).contains("refused: unknown key 'perodMs'")) {
                        return true;
                    }
                }
                return false;
            } catch (IOException e) {
                return false;
            }
        });
    }

    private void refused(String file, String content, String reason) throws IOException {
        long log = Framework.logEnd(context);
        Framework.drop(etc.resolve(file), content);
        Framework.await(
                file + " refused with: " + reason,
                15,
                () -> Framework.log(context, log).contains(file + " is refused: ")
                        && Framework.log(context, log).contains(reason),
                () -> Framework.log(context, log));
    }

    private void awaitLog(long from, String text) {
        Framework.await(
                "log: " + text,
                20,
                () -> Framework.log(context, from).contains(text),
                () -> Framework.log(context, from));
    }

    private String awaitReason(String file, String text) {
        ModelCatalog catalog = Framework.service(context, ModelCatalog.class);
        Framework.await(
                "receipt: " + text,
                40,
                () -> reasons(catalog, file).anyMatch(reason -> reason.contains(text)),
                catalog::receipts);
        return reasons(catalog, file)
                .filter(reason -> reason.contains(text))
                .findFirst()
                .orElseThrow();
    }

    private static Stream<String> reasons(ModelCatalog catalog, String file) {
        return catalog.receipts().stream().filter(r -> r.file().contains(file)).map(Receipt::reason);
    }
}
