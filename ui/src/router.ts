import { createRouter, createWebHashHistory } from "vue-router";
import { withTexts } from "./i18n/later";
import Desk from "./pages/Desk.vue";
import { isOfNow } from "./state/mode";

/** Addresses live behind the hash, so that any file server can serve the page. */
export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: "/", name: "desk", component: Desk },
    { path: "/wall", name: "wall", meta: { wall: true }, component: () => import("./pages/Wall.vue") },
    { path: "/board", name: "board", component: () => import("./pages/Board.vue") },
    {
      path: "/cases/:id",
      name: "case",
      component: () => withTexts(() => import("./pages/CasePage.vue")),
      props: true,
    },
    {
      path: "/tasks",
      name: "tasks",
      component: () => import("./pages/MyTasks.vue"),
      meta: { offline: true, present: true },
    },
    {
      path: "/tasks/:id",
      name: "task",
      component: () => import("./pages/FieldTask.vue"),
      props: true,
      meta: { offline: true, present: true },
    },
    { path: "/times", name: "times", component: () => import("./pages/Times.vue") },
    { path: "/repairs", name: "repairs", meta: { present: true }, component: () => import("./pages/Repairs.vue") },
    {
      path: "/access",
      name: "access",
      meta: { present: true },
      component: () => withTexts(() => import("./pages/Access.vue")),
    },
    {
      path: "/partners/:id?",
      name: "partners",
      meta: { present: true },
      component: () => withTexts(() => import("./pages/Partners.vue")),
      props: true,
    },
    {
      path: "/library/:section?/:id?",
      name: "library",
      meta: { present: true, asked: true },
      component: () => withTexts(() => import("./pages/library/start")),
      props: true,
    },
    {
      path: "/emergency",
      name: "emergency",
      component: () => withTexts(() => import("./pages/Emergency.vue")),
    },
    { path: "/:rest(.*)*", redirect: "/" },
  ],
});
router.afterEach((to) => {
  isOfNow.value = to.meta.present === true;
});
