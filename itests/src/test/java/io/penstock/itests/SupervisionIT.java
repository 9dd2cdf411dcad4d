// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import com.sun.jdi.Bootstrap;
import com.sun.jdi.ThreadReference;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.AttachingConnector;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.EventRequest;
import io.penstock.peers.PeerProcess;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.Assume;
import org.junit.Test;

/** What the shipped gateway tells a supervisor, and the unit of systemd that listens to it. */
public class SupervisionIT {
    // A gateway whose line stands still for ever would count as alive; one whose PLC is switched off would be killed
    // again and
    // again.
    @Test
    public void theSupervisorHearsFromTheCyclesAndOnlyFromThem() throws Exception {
        Path folder = Files.createTempDirectory("notify");
        Path socket = folder.resolve("socket");
        int debug = PeerProcess.freePort();
        try (PeerProcess systemd = PeerProcess.python("notify_socket.py", socket);
                ChildGateway gateway = new ChildGateway(Shipped.newHome("supervised"))) {
            gateway.environment.putAll(Map.of(
                    "NOTIFY_SOCKET",
                    socket.toString(),
                    "WATCHDOG_USEC",
                    "3000000",
                    "RUNTIME_DIRECTORY",
                    folder.toString(),
                    "PENSTOCK_OPTS",
                    "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:" + debug));
            gateway.start();
            gateway.drop(1);
            gateway.drop(2);
            systemd.await("got READY=1", 90);
            gateway.awaitLog("Model line 1.0.0 active on a");
            gateway.awaitLog("Pipeline a: first Good result");
            systemd.await("got STATUS=2 of 2 pipelines have a model", 60);
            beats(systemd);

            gateway.plc.pause();
            gateway.awaitLog("plc");
            beats(systemd);
            gateway.plc.resume();

            VirtualMachine machine = attach(debug);
            hangInModel(machine, "pipeline-cycle-a");
            systemd.await("got STATUS=pipeline a: its thread has not gone round for ", 60);
            assertThrows(IllegalStateException.class, () -> systemd.await("got WATCHDOG=1", 4));

            gateway.signal("ABRT"); // as systemd does then
            assertEquals(134, gateway.awaitDeath());
            ended(folder, "watchdog", "killed", "ABRT");
            gateway.environment.remove("PENSTOCK_OPTS");
            gateway.start();
            systemd.await("got READY=1", 90);
            String death = gateway.status("death").get(0);
            assertTrue(
                    death,
                    death.contains("HANG ")
                            && death.contains(
                                    "charged to line 1.0.0 (1 of 2): the thread of pipeline a did not come back"
                                            + " from its model"));

            gateway.signal("KILL");
            gateway.awaitDeath();
            ended(folder, "signal", "killed", "KILL");
            gateway.start();
            gateway.awaitLog("Loop loop: b.y to SP, 2.0 to 8.0; open");
            double seconds = Math.max(
                    gateway.awaitLog("Model line 1.0.0 active on a"), gateway.awaitLog("Model line 2.0.0 active on b"));
            System.out.println("killed, serving again after " + seconds + " s");
            assertEquals(1, gateway.status("death").size());
        }
    }

    private static void beats(PeerProcess systemd) {
        for (int beat = 0; beat < 4; beat++) {
            systemd.await("got WATCHDOG=1", 10);
        }
    }

    private static VirtualMachine attach(int port) throws Exception {
        AttachingConnector connector = Bootstrap.virtualMachineManager().attachingConnectors().stream()
                .filter(found -> found.transport().name().equals("dt_socket"))
                .findFirst()
                .orElseThrow();
        Map<String, Connector.Argument> arguments = connector.defaultArguments();
        arguments.get("hostname").setValue("127.0.0.1");
        arguments.get("port").setValue(Integer.toString(port));
        return connector.attach(arguments);
    }

    /** Holds one thread at the first line of its model's run, as a kernel that never returns would. */
    private static void hangInModel(VirtualMachine machine, String name) throws Exception {
        ThreadReference thread = machine.allThreads().stream()
                .filter(found -> found.name().equals(name))
                .findFirst()
                .orElseThrow();
        BreakpointRequest stop = machine.eventRequestManager()
                .createBreakpointRequest(machine.classesByName("io.penstock.inference.onnx.OnnxSession")
                        .get(0)
                        .methodsByName("run")
                        .get(0)
                        .location());
        stop.addThreadFilter(thread);
        stop.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        stop.enable();
        Framework.await(name + " hangs", 10, () -> thread.isAtBreakpoint());
    }

    private static void ended(Path folder, String result, String code, String status) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                Shipped.distribution().resolve("lib/ended.sh").toString());
        builder.environment()
                .putAll(Map.of(
                        "RUNTIME_DIRECTORY", folder.toString(),
                        "SERVICE_RESULT", result,
                        "EXIT_CODE", code,
                        "EXIT_STATUS", status));
        assertEquals(0, builder.start().waitFor());
    }

    // The unit would be refused, or run the gateway with more rights than it needs, and nobody would see it before the
    // site does.
    @Test
    public void theUnitIsWhatSystemdTakes() throws Exception {
        String unit = run(
                Map.of("PENSTOCK_HOME", Shipped.newHome("unit").toString()),
                Shipped.distribution().resolve("bin/penstock-install-service").toString(),
                "--user",
                "root",
                "--print");
        assertTrue(unit, unit.contains("\nType=notify\n") && !unit.contains("@HOME@") && !unit.contains("@JAVA@"));
        assertTrue(unit, unit.contains("\nProtectSystem=strict\n") && !unit.contains("\nMemoryDenyWriteExecute"));
        Assume.assumeTrue("no systemd-analyze here", Files.isExecutable(Path.of("/usr/bin/systemd-analyze")));
        Path file = Files.createTempDirectory("unit").resolve("penstock.service");
        Files.writeString(file, unit);
        String verdict = run(Map.of(), "systemd-analyze", "verify", "--man=no", file.toString());
        assertEquals(
                "",
                verdict.lines()
                        .filter(line -> line.contains("penstock.service"))
                        .reduce("", String::concat));
        String security = run(
                Map.of(),
                "systemd-analyze",
                "security",
                "--offline=true",
                "--threshold=30",
                "--no-pager",
                file.toString());
        System.out.println(security.lines()
                .filter(line -> line.contains("Overall"))
                .findFirst()
                .orElse(security));
        assertTrue(security, security.contains("Overall exposure level") && !security.contains("UNSAFE"));
    }

    // A path that the unit cannot hold would start another program, or none.
    @Test
    public void installRefusesWhatItCannotWrite() throws Exception {
        String program =
                Shipped.distribution().resolve("bin/penstock-install-service").toString();
        assertTrue(run(Map.of("PENSTOCK_HOME", Shipped.newHome("with blank").toString()), program, "--print")
                .contains("systemd needs paths without blanks"));
        String home = Shipped.newHome("unit").toString();
        assertTrue(run(Map.of("PENSTOCK_HOME", home), program, "--user", "a b", "--print")
                .contains("--user: a name"));
        assertTrue(run(Map.of("PENSTOCK_HOME", home), program, "--what").contains("unknown option '--what'"));
    }

    private static String run(Map<String, String> environment, String... command) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment()
                .put(
                        "PENSTOCK_JAVA",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString());
        builder.environment().putAll(environment);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(30, TimeUnit.SECONDS));
        return output;
    }
}
