// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import javax.inject.Inject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;

/** The shipped list as it is, with no configuration. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
public class EveryBundleResolvesIT {
    @Inject
    private BundleContext context;

    @Inject
    private ServiceComponentRuntime components;

    @Configuration
    public Option[] gateway() throws IOException {
        return new Option[] {Shipped.gateway(Shipped.newConfiguredHome("resolve"))};
    }

    // The gateway would start without one of its rooms, and nobody would know until it is needed.
    @Test
    public void everyBundleIsActive() {
        List<String> found = Framework.notActive(context);
        assertEquals(found.isEmpty() ? "" : Framework.reasons(context).toString(), List.of(), found);
        assertTrue(Framework.rooms(context).size() >= 13);
    }

    // A room would be there and do nothing, for want of a service; or a template that people copy would be refused.
    @Test
    public void everyComponentIsSatisfied() throws Exception {
        assertTrue(components.getComponentDescriptionDTOs().size() > 10);
        Framework.await("all components satisfied", 20, () -> unsatisfied().isEmpty(), this::unsatisfied);
    }

    private List<String> unsatisfied() {
        List<String> found = new ArrayList<>();
        for (ComponentDescriptionDTO component : components.getComponentDescriptionDTOs()) {
            var configurations = components.getComponentConfigurationDTOs(component);
            if (configurations.isEmpty()) {
                found.add(component.name + ": no component configuration");
            }
            for (ComponentConfigurationDTO configuration : configurations) {
                if (configuration.state != ComponentConfigurationDTO.ACTIVE
                        && configuration.state != ComponentConfigurationDTO.SATISFIED) {
                    found.add(Framework.why(component, configuration));
                }
                if (component.immediate && configuration.state == ComponentConfigurationDTO.SATISFIED) {
                    found.add(component.name + ": immediate, but not active");
                }
            }
        }
        return found;
    }
}
