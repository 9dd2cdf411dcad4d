// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Goal no. 2 and the processor of no. 7: the loop from a plant's tags to its setpoint, closed by the gateway as it is shipped
 * and by {@link BareLoop}, in turns on one {@link ClosedLoopPlant}, each a process of its own. The latency is taken in the plant,
 * from setting the tags to the entry of the write that carries their sequence number.
 */
public final class ClosedLoopRun {
    private static final Logger LOG = LoggerFactory.getLogger(ClosedLoopRun.class);

    /** Of the plant, and of the gateway's own nodes. */
    static final int NAMESPACE = 2;
    /** Values that the plant keeps per tag between two notifications, for both peers. */
    static final int QUEUE = 1_000;

    private static final String PIPELINE = "loop";
    private static final int[] PUBLISHING_MS = {1, 10};
    private static final int[] RATES = {100, 1_000};

    private final GatewayHome home;
    private final Child plant;
    private final String plantUrl;
    private final LoopSwitch loop;
    private final int seconds;

    private ClosedLoopRun(GatewayHome home, int seconds) throws Exception {
        this.home = home;
        this.seconds = seconds;
        plant = Child.alike(ClosedLoopPlant.class, Integer.toString(GatewayHome.freePort()));
        home.own(plant.process());
        plantUrl = plant.await("ready");
        int port = GatewayHome.freePort();
        configure(port);
        loop = new LoopSwitch(home, port);
    }

    /** @param arguments the unpacked distribution, seconds per row (default 20). */
    public static void main(String[] arguments) {
        int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 20;
        int exit = 1;
        try (GatewayHome home = new GatewayHome(Path.of(arguments[0]))) {
            new ClosedLoopRun(home, seconds).measure();
            exit = 0;
        } catch (Exception e) {
            LOG.error("the run failed", e);
        }
        System.exit(exit); // Milo's threads are not worth waiting for
    }

    private void configure(int port) throws Exception {
        home.write(
                "etc/io.penstock.publication.opcua.cfg.json",
                "{\"port\": " + port + ", \"bindAddress\": \"127.0.0.1\"}");
        home.write(
                "etc/io.penstock.pipeline~loop.cfg.json",
                "{\"name\": \"" + PIPELINE + "\", \"model\": \"mlp\", \"versionRange\": \"[1.0,2.0)\","
                        + " \"trigger\": \"change\", \"triggerTags\": [\"SEQ\"], \"bindings\": ["
                        + Mlp.each("\"i%d=T%<d\"", 0, 0, ", ") + ", \"sequence=SEQ\"]}");
        home.write( // wide enough never to be met: what is measured is their way, not their effect
                "etc/io.penstock.actuation~loop.cfg.json",
                "{\"name\": \"loop\", \"pipeline\": \"" + PIPELINE + "\", \"output\": \"sequence\", \"target\": \"SP\","
                        + " \"low\": 0, \"high\": 1e8, \"maximumExcessPercent\": 0, \"rateUpPerMinute\": 1e18,"
                        + " \"rateDownPerMinute\": 1e18, \"deadband\": 0, \"stepLimit\": 1e8, \"maximumInputAgeMs\": 5000,"
                        + " \"validityMs\": 1000, \"readBackTolerance\": 0.25, \"readBackTimeMs\": 1000,"
                        + " \"maximumReadBackMismatches\": 10, \"writeDeadlineMs\": 1000, \"maximumWriteFailures\": 10,"
                        + " \"maximumConsecutiveRefusals\": 100000, \"holdMs\": 10000,"
                        + " \"approvedReleases\": [\"mlp 1.0.0\"]}");
        home.release(Mlp.Form.SEQUENCE);
    }

    private void measure() throws IOException, InterruptedException {
        System.out.println(
                "| changes/s | publishing ms | peer | p50 ms | p99 ms | unanswered | answered twice | CPU | RSS MiB |"
                        + "\n|---|---|---|---|---|---|---|---|---|");
        for (int publishingMs : PUBLISHING_MS) {
            for (int rate : RATES) {
                Row bare = bare(rate, publishingMs, "");
                bare.print("bare", rate, publishingMs);
                Row readingBack = bare(rate, publishingMs, BareLoop.READ_BACK);
                readingBack.print("bare, reading back", rate, publishingMs);
                Row gateway = gateway(rate, publishingMs);
                gateway.print("gateway", rate, publishingMs);
                gateway.printOver("gateway / bare", bare, rate, publishingMs);
                gateway.printOver("gateway / reading back", readingBack, rate, publishingMs);
            }
        }
        System.out.println(
                "\nWho reads every write back before the next one keeps only the newest value meanwhile: what was not answered"
                        + " was overtaken,\nnot lost. The latency is that of the numbers answered.");
    }

    private Row bare(int rate, int publishingMs, String form) throws IOException, InterruptedException {
        try (Child bare = Child.alike(BareLoop.class, plantUrl, Integer.toString(publishingMs), form)) {
            home.own(bare.process());
            bare.await("ready");
            return row(bare.process(), rate);
        }
    }

    private Row gateway(int rate, int publishingMs) throws IOException, InterruptedException {
        home.write(
                "etc/tags/plant.csv",
                "Tag,Address,DataType,PeriodMs,Access\n"
                        + Mlp.each("T%d,ns=2;s=T%<d,LREAL,PERIOD,R\n", 0, 0, "")
                                .replace("PERIOD", Integer.toString(publishingMs))
                        + "SEQ,ns=2;s=SEQ,LREAL," + publishingMs + ",R\nSP,ns=2;s=SP,LREAL,1000,RW\n");
        home.write(
                "etc/io.penstock.connector.opcua~plant.cfg.json",
                "{\"name\": \"plant\", \"endpointUrl\": \"" + plantUrl + "\", \"tags\": \"plant.csv\","
                        + " \"securityPolicy\": \"None\", \"securityMode\": \"None\", \"anonymous\": true,"
                        + " \"publishingIntervalMs\": " + publishingMs + ", \"queueSize\": " + QUEUE
                        + ", \"lossToBadMs\": 5000}");
        Process gateway = home.start("PENSTOCK_JAVA", Child.JAVA);
        try {
            home.awaitFirst(gateway);
            loop.close(PIPELINE);
            Row row = row(gateway, rate);
            loop.assertClosed(PIPELINE);
            return row;
        } finally {
            Child.end(gateway);
        }
    }

    /** Lets a peer warm up at the rate, then measures. */
    private Row row(Process peer, int rate) throws IOException, InterruptedException {
        plant.tell("start " + rate);
        TimeUnit.SECONDS.sleep(Math.max(3, seconds / 4)); // the load runs meanwhile, here and below
        plant.tell("start " + rate);
        String pid = Long.toString(peer.pid());
        long cpu = Figures.cpuMs(pid);
        long began = System.nanoTime();
        TimeUnit.SECONDS.sleep(seconds);
        double percent = (Figures.cpuMs(pid) - cpu) * 1e8 / Math.max(1, System.nanoTime() - began);
        long residentMiB = Figures.residentKiB(pid) / 1024;
        plant.tell("report");
        return new Row(Answers.Report.of(plant.await("report")), percent, residentMiB);
    }

    private record Row(Answers.Report report, double cpuPercent, long residentMiB) {
        void print(String peer, int rate, int publishingMs) {
            System.out.printf(
                    Locale.ROOT,
                    "| %d | %d | %s | %.2f | %.2f | %d of %d | %d | %.0f %% | %d |%n",
                    rate,
                    publishingMs,
                    peer,
                    report.p50Ms(),
                    report.p99Ms(),
                    report.unanswered(),
                    report.set(),
                    report.twice(),
                    cpuPercent,
                    residentMiB);
        }

        void printOver(String name, Row bare, int rate, int publishingMs) {
            System.out.printf(
                    Locale.ROOT,
                    "| %d | %d | %s | %.2fx | %.2fx | | | %.2fx | %.2fx |%n",
                    rate,
                    publishingMs,
                    name,
                    report.p50Ms() / bare.report.p50Ms(),
                    report.p99Ms() / bare.report.p99Ms(),
                    cpuPercent / bare.cpuPercent,
                    (double) residentMiB / bare.residentMiB);
        }
    }
}
