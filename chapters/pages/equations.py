"""The paper's equations, (1) to (10), in TeX. The reference sets them where a docstring names one.

Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020. rho is the length of the
average, 1/tau^2 the variance of the gradients.
"""

EQUATIONS = {
    1: r"\phi = \frac{(1-\beta_1) \sum_{i=1}^{t} \beta_1^{t-i} g_i}{1-\beta_1^t}, \qquad"
    r" \psi = \frac{\sqrt{1-\beta_2^t}}{\varepsilon + \sqrt{(1-\beta_2) \sum_{i=1}^{t} \beta_2^{t-i} g_i^2}}",
    2: r"\mathrm{Var}[\psi] = \tau^2 \left( \frac{\rho}{\rho-2} - \frac{\rho\, 2^{2\rho-5}}{\pi}"
    r" \,\mathcal{B}\!\left(\tfrac{\rho-1}{2}, \tfrac{\rho-1}{2}\right)^{\!2} \right)",
    3: r"p\left( \frac{(1-\beta_2) \sum_{i=1}^{t} \beta_2^{t-i} g_i^2}{1-\beta_2^t} \right) \approx"
    r" p\left( \frac{\sum_{i=1}^{\rho_t} g_{t+1-i}^2}{\rho_t} \right)",
    4: r"\frac{(1-\beta_2) \sum_{i=1}^{t} \beta_2^{t-i}\, i}{1-\beta_2^t} = \frac{\sum_{i=1}^{\rho_t} (t+1-i)}{\rho_t},"
    r" \quad\text{so}\quad \rho_t = \frac{2}{1-\beta_2} - 1 - \frac{2 t \beta_2^t}{1-\beta_2^t}",
    5: r"\mathrm{Var}[\psi] \approx \frac{\rho\,\tau^2}{2 (\rho-2)(\rho-4)}",
    6: r"\mathrm{E}[\psi^2] = \frac{\rho\,\tau^2}{\rho-2}",
    7: r"\mathrm{E}[\psi] = \frac{\tau \sqrt{\rho}\; \Gamma\!\left(\frac{\rho-1}{2}\right)}"
    r"{\sqrt2\; \Gamma\!\left(\frac{\rho}{2}\right)}",
    8: r"\mathrm{Var}[\psi] = \mathrm{E}[\psi^2] - \mathrm{E}[\psi]^2",
    9: r"(t-2)\, \frac{\Gamma\!\left(\frac{t-1}{2}\right)^2}{\Gamma\!\left(\frac{t}{2}\right)^2} \le 2",
    10: r"(t-2)\, \frac{\Gamma\!\left(\frac{t-1}{2}\right)^2}{\Gamma\!\left(\frac{t}{2}\right)^2} \le"
    r" (t-2) \left(\frac{t-1}{2}\right)^{-1} \quad \text{(false: see exhibit E3)}",
}
