"""Quality of measurements, judged before baseline, health, prognosis, rules and training use them."""
